//! Twin of `shaders/layer_norm.wgsl`.

/// `(x - mean) / sqrt(variance + eps) * weight + bias`, row by row; `x [rows, cols]`.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32) -> Vec<f32> {
    let cols = weight.len();
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks_exact(cols) {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / cols as f64;
        let variance = row
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / cols as f64;
        let scale = 1.0 / (variance + f64::from(eps)).sqrt();
        for ((&v, &w), &b) in row.iter().zip(weight).zip(bias) {
            out.push(((f64::from(v) - mean) * scale * f64::from(w) + f64::from(b)) as f32);
        }
    }
    out
}
