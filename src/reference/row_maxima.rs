//! Twin of `shaders/row_maxima.wgsl`.

/// The largest value of each row of `x [n, width]`.
pub fn row_maxima(x: &[f32], width: usize) -> Vec<f32> {
    (x.chunks_exact(width))
        .map(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max))
        .collect()
}
