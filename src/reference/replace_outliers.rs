//! Twin of `shaders/replace_outliers.wgsl`.

/// Rows of `x [n, width]` whose norm is further than `limit` from `median`, replaced by `medians`.
pub fn replace_outliers(
    x: &[f32],
    norms: &[f32],
    median: f32,
    limit: f32,
    medians: &[f32],
) -> Vec<f32> {
    x.chunks_exact(medians.len())
        .zip(norms)
        .flat_map(|(row, norm)| {
            if (norm - median).abs() > limit {
                medians
            } else {
                row
            }
        })
        .copied()
        .collect()
}
