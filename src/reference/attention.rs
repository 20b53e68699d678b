//! Twin of `shaders/attention.wgsl`.

use crate::kernels::attention::Attention;

/// `softmax(scale q k^T) v` for each head; `q [queries, heads * head_dim]`, `k` and `v` `[keys,
/// kv_heads * head_dim]`.
pub fn attention(q: &[f32], k: &[f32], v: &[f32], with: &Attention) -> Vec<f32> {
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
        causal,
    } = *with;
    let (q_width, kv_width) = (heads * head_dim, kv_heads * head_dim);
    let (queries, all_keys) = (q.len() / q_width, k.len() / kv_width);
    let mut out = vec![0.0; q.len()];
    for query in 0..queries {
        for head in 0..heads {
            let q_start = query * q_width + head * head_dim;
            let q_head = &q[q_start..q_start + head_dim];
            let kv_start = head / (heads / kv_heads) * head_dim;
            let keys = if causal { query + 1 } else { all_keys };
            let scores: Vec<f64> = (0..keys)
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
                let sum: f64 = weights
                    .iter()
                    .enumerate()
                    .map(|(key, w)| w * f64::from(v[key * kv_width + kv_start + c]))
                    .sum();
                out[q_start + c] = (sum / total) as f32;
            }
        }
    }
    out
}
