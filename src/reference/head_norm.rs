//! Twin of `shaders/head_norm.wgsl`.

use super::rms_norm;

/// [`rms_norm`] of each head; `x [tokens, heads * head_dim]`, `weight [head_dim]`.
pub fn head_norm(x: &[f32], weight: &[f32], eps: f32) -> Vec<f32> {
    // Without padding the heads of all rows stand one after another.
    rms_norm(x, weight, eps)
}
