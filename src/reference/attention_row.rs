//! Twin of `shaders/attention_row.wgsl`.

use crate::kernels::attention::{Attention, Interval};

/// `softmax(scale q[position] k^T)` for each head, `[heads, keys]`; `q [tokens, heads * head_dim]`,
/// `k [tokens, kv_heads * head_dim]`, `keys` those of the interval `seen`.
pub fn attention_row(
    q: &[f32],
    k: &[f32],
    position: usize,
    with: &Attention,
    [begin, end]: Interval,
) -> Vec<f32> {
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = *with;
    let (q_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
    let keys = begin as usize..end as usize;
    let mut out = Vec::with_capacity(heads * keys.len());
    for head in 0..heads {
        let query = &q[position * q_width + head * head_dim..][..head_dim];
        let kv_start = head / (heads / kv_heads) * head_dim;
        let scores: Vec<f64> = keys
            .clone()
            .map(|key| {
                let pairs = query.iter().zip(&k[key * kv_width + kv_start..]);
                let dot: f64 = pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                dot * f64::from(scale)
            })
            .collect();
        let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights = scores.iter().map(|score| (score - highest).exp());
        let total: f64 = weights.clone().sum();
        out.extend(weights.map(|weight| (weight / total) as f32));
    }
    out
}
