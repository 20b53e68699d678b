//! Twin of `shaders/rotate_heads.wgsl`.

use super::{head_norm, rotary};
use crate::kernels::attention::Attention;

/// Factors of the norms of queries and of keys, `[head_dim]` each, and what is added to the mean square.
pub type HeadFactors<'a> = ([&'a [f32]; 2], f32);

/// Queries, keys and values of `x [tokens, (heads + 2 kv_heads) * head_dim]`, a matrix each: queries and keys normed
/// by `norms`, and turned by `table [tokens, head_dim]`.
pub fn rotate_heads(
    x: &[f32],
    with: &Attention,
    table: &[f32],
    norms: Option<HeadFactors<'_>>,
) -> [Vec<f32>; 3] {
    let head_dim = with.head_dim;
    let [q, kv] = [with.heads, with.kv_heads].map(|heads| heads * head_dim);
    let part = |first: usize, width: usize| -> Vec<f32> {
        let rows = x.chunks_exact(q + 2 * kv);
        rows.flat_map(|row| row[first..first + width].to_vec())
            .collect()
    };
    let turned = |x: Vec<f32>, width: usize, which: usize| {
        let x = norms.map_or(x.clone(), |(weights, eps)| {
            head_norm(&x, weights[which], eps)
        });
        rotary(&x, table, width, head_dim)
    };
    [
        turned(part(0, q), q, 0),
        turned(part(q, kv), kv, 1),
        part(q + kv, kv),
    ]
}
