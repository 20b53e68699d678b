//! Twin of `shaders/transpose.wgsl`.

/// `x [n, width]` turned into `[width, n]`.
pub fn transpose(x: &[f32], width: usize) -> Vec<f32> {
    (0..width)
        .flat_map(|col| x.iter().skip(col).step_by(width).copied())
        .collect()
}
