//! Twin of `shaders/attention_decode.wgsl`.

use super::{HeadFactors, attention, rotate_heads};
use crate::kernels::attention::{Attention, Interval};

/// [`attention`] of one query over an interval of the keys of a cache, the last of which are its own: query, key and
/// value are `x [(heads + 2 kv_heads) * head_dim]`, turned by [`rotate_heads`], and key and value go to row
/// `seen[1] - 1` of `k` and `v`.
pub fn attention_decode(
    x: &[f32],
    [k, v]: [&mut [f32]; 2],
    with: &Attention,
    (angles, norms): (&[f32], Option<HeadFactors<'_>>),
    seen: Interval,
) -> Vec<f32> {
    let [q, own_k, own_v] = rotate_heads(x, with, angles, norms);
    let width = with.kv_heads * with.head_dim;
    let own = (seen[1] as usize - 1) * width;
    k[own..own + width].copy_from_slice(&own_k);
    v[own..own + width].copy_from_slice(&own_v);
    attention(&q, k, v, with, &[seen])
}
