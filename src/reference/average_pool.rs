//! Twin of `shaders/average_pool.wgsl`.

/// Adaptive average pooling of `x [side^2, channels]` to `[out_side^2, channels]`.
pub fn average_pool(x: &[f32], side: usize, out_side: usize) -> Vec<f32> {
    let channels = x.len() / (side * side);
    let window = |i: usize| i * side / out_side..((i + 1) * side).div_ceil(out_side);
    let mut out = Vec::with_capacity(out_side * out_side * channels);
    for i in 0..out_side {
        for j in 0..out_side {
            let count = (window(i).len() * window(j).len()) as f64;
            for channel in 0..channels {
                let sum: f64 = window(i)
                    .flat_map(|row| window(j).map(move |col| (row * side + col) * channels))
                    .map(|start| f64::from(x[start + channel]))
                    .sum();
                out.push((sum / count) as f32);
            }
        }
    }
    out
}
