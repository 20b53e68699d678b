//! Twin of `shaders/layer_norm.wgsl`.

use super::activate;
use crate::kernels::Activation;

/// `activation((x - mean) / sqrt(variance + eps) * weight + bias + residual)`, row by row; `x` and
/// `residual` `[rows, cols]`.
pub fn layer_norm(
    x: &[f32],
    weight: &[f32],
    bias: &[f32],
    eps: f32,
    residual: Option<&[f32]>,
    activation: Activation,
) -> Vec<f32> {
    let cols = weight.len();
    let mut out = Vec::with_capacity(x.len());
    for (index, row) in x.chunks_exact(cols).enumerate() {
        let mean = row.iter().map(|&v| f64::from(v)).sum::<f64>() / cols as f64;
        let variance = row
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / cols as f64;
        let scale = 1.0 / (variance + f64::from(eps)).sqrt();
        for (col, (&v, (&w, &b))) in row.iter().zip(weight.iter().zip(bias)).enumerate() {
            let added = residual.map_or(0.0, |values| f64::from(values[index * cols + col]));
            let value = (f64::from(v) - mean) * scale * f64::from(w) + f64::from(b) + added;
            out.push(activate(activation, value) as f32);
        }
    }
    out
}
