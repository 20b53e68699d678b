//! Twin of `shaders/depthwise_conv.wgsl`.

/// Each channel of `x [side^2, channels]` with its kernel in `weight [size^2, channels]`, zeros around
/// the grid; `[side^2, channels]`.
pub fn depthwise_conv(x: &[f32], side: usize, weight: &[f32], size: usize) -> Vec<f32> {
    let channels = x.len() / (side * side);
    let half = (size / 2) as isize;
    let within = |at: usize, step: usize| {
        usize::try_from(at as isize + step as isize - half)
            .ok()
            .filter(|&place| place < side)
    };
    let mut out = vec![0.0; x.len()];
    for place in 0..side * side {
        for channel in 0..channels {
            let mut sum = 0.0;
            for tap in 0..size * size {
                let row = within(place / side, tap / size);
                let col = within(place % side, tap % size);
                if let (Some(row), Some(col)) = (row, col) {
                    let value = x[(row * side + col) * channels + channel];
                    sum += f64::from(weight[tap * channels + channel]) * f64::from(value);
                }
            }
            out[place * channels + channel] = sum as f32;
        }
    }
    out
}
