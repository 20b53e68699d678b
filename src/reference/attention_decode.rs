//! Twin of `shaders/attention_decode.wgsl`.

use super::attention;
use crate::kernels::attention::{Attention, Interval};

/// [`attention`] of one query, `[heads * head_dim]`, over an interval of the keys of a cache.
pub fn attention_decode(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    with: &Attention,
    seen: Interval,
) -> Vec<f32> {
    attention(q, k, v, with, &[seen])
}
