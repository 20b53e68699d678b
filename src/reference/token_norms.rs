//! Twin of `shaders/token_norms.wgsl`.

/// l2 norm of each row of `x [n, width]`; infinity for a row that is not finite.
pub fn token_norms(x: &[f32], width: usize) -> Vec<f32> {
    x.chunks_exact(width)
        .map(|row| {
            if row.iter().any(|value| !value.is_finite()) {
                return f32::INFINITY;
            }
            let squares: f64 = row.iter().map(|&value| f64::from(value).powi(2)).sum();
            squares.sqrt() as f32
        })
        .collect()
}
