//! Twin of `shaders/normalize.wgsl`.

/// `x / sqrt(squares)`, or 0 where `squares` is 0.
pub fn normalize(x: &[f32], squares: f32) -> Vec<f32> {
    let scale = if squares > 0.0 {
        1.0 / f64::from(squares).sqrt()
    } else {
        0.0
    };
    x.iter()
        .map(|&value| (f64::from(value) * scale) as f32)
        .collect()
}
