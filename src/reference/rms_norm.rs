//! Twin of `shaders/rms_norm.wgsl`.

/// `x / sqrt(mean(x^2) + eps) * weight`, row by row; `x [rows, cols]`.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    let cols = weight.len();
    let mut out = Vec::with_capacity(x.len());
    for row in x.chunks_exact(cols) {
        let squares = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / cols as f64;
        let scale = 1.0 / (squares + f64::from(eps)).sqrt();
        out.extend(
            row.iter()
                .zip(weight)
                .map(|(&v, &w)| (f64::from(v) * scale * f64::from(w)) as f32),
        );
    }
    out
}
