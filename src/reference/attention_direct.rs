//! Twin of `shaders/attention_direct.wgsl`.

use super::attention;
use crate::kernels::attention::{Attention, Interval};

/// What [`attention`] gives: the two kernels differ in how they come to it.
pub fn attention_direct(
    q: &[f32],
    k: &[f32],
    v: &[f32],
    with: &Attention,
    seen: &[Interval],
) -> Vec<f32> {
    attention(q, k, v, with, seen)
}
