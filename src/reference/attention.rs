//! Twin of `shaders/attention.wgsl`.

use crate::kernels::attention::{Attention, Interval};

/// `softmax(scale q k^T) v` for each head, each query over its interval of keys; zeros where that is
/// empty. `q [queries, heads * head_dim]`, `k` and `v` `[keys, kv_heads * head_dim]`.
pub fn attention(q: &[f32], k: &[f32], v: &[f32], with: &Attention, seen: &[Interval]) -> Vec<f32> {
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = *with;
    let (q_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
    let mut out = vec![0.0; q.len()];
    for (query, &[begin, end]) in seen.iter().enumerate() {
        let keys = begin as usize..end as usize;
        for head in 0..heads {
            let q_start = query * q_width + head * head_dim;
            let q_head = &q[q_start..q_start + head_dim];
            let kv_start = head / (heads / kv_heads) * head_dim;
            let scores: Vec<f64> = keys
                .clone()
                .map(|key| {
                    let k_head = &k[key * kv_width + kv_start..][..head_dim];
                    let dot: f64 = q_head
                        .iter()
                        .zip(k_head)
                        .map(|(&a, &b)| f64::from(a) * f64::from(b))
                        .sum();
                    dot * f64::from(scale)
                })
                .collect();
            let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|s| (s - highest).exp()).collect();
            let total: f64 = weights.iter().sum();
            for c in 0..head_dim {
                let sum: f64 = keys
                    .clone()
                    .zip(&weights)
                    .map(|(key, w)| w * f64::from(v[key * kv_width + kv_start + c]))
                    .sum();
                out[q_start + c] = if total > 0.0 {
                    (sum / total) as f32
                } else {
                    0.0
                };
            }
        }
    }
    out
}
