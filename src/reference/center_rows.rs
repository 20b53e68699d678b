//! Twin of `shaders/center_rows.wgsl`.

/// `(x - mean - rest) * scale` for each row of `x [n, width]`.
pub fn center_rows(x: &[f32], mean: &[f32], rest: &[f32], scale: f32) -> Vec<f32> {
    x.chunks_exact(mean.len())
        .flat_map(|row| {
            row.iter().zip(mean).zip(rest).map(|((&x, &mean), &rest)| {
                ((f64::from(x) - f64::from(mean) - f64::from(rest)) * f64::from(scale)) as f32
            })
        })
        .collect()
}
