//! Twin of `shaders/row_dots.wgsl`.

/// Dot products of the rows of `a` and `b`, both `[n, width]`.
pub fn row_dots(a: &[f32], b: &[f32], width: usize) -> Vec<f32> {
    a.chunks_exact(width)
        .zip(b.chunks_exact(width))
        .map(|(a, b)| {
            let products = a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b));
            products.sum::<f64>() as f32
        })
        .collect()
}
