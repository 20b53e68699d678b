//! Cases of `attention_row`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{
        attention::{Attention, Interval},
        attention_row::attention_row,
        u32_of,
    },
    reference,
};

/// (tokens, heads, kv_heads, head_dim): one key, a workgroup's width of keys and its neighbours,
/// more heads than a workgroup, groups of one to three query heads, a long prompt.
const SHAPES: [(usize, usize, usize, usize); 8] = [
    (1, 1, 1, 1),
    (3, 2, 1, 6),
    (63, 4, 2, 10),
    (65, 3, 3, 33),
    (64, 70, 35, 4),
    (130, 6, 2, 7),
    (601, 9, 3, 64),
    (2100, 4, 2, 128),
];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    for (tokens, heads, kv_heads, head_dim) in SHAPES {
        let (width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        // Scores of some size, so that the weights differ.
        let q: Vec<f32> = cases
            .normals(tokens * width)
            .iter()
            .map(|v| v * 4.0)
            .collect();
        let k = cases.normals(tokens * kv_width);
        let (q_t, k_t) = (
            cases.upload(tokens, width, &q)?,
            cases.upload(tokens, kv_width, &k)?,
        );
        let with = Attention {
            heads,
            kv_heads,
            head_dim,
            scale: (head_dim as f32).powf(-0.5),
        };
        for position in [0, tokens / 2, tokens - 1] {
            let end = u32_of(position + 1);
            let masks: [Interval; 3] = [[0, end], [0, u32_of(tokens)], [end / 3, end]];
            for seen in masks {
                let expected = reference::attention_row(&q, &k, position, &with, seen);
                let out = cases.out(heads, expected.len() / heads)?;
                let calls = attention_row(cases.gpu, &q_t, &k_t, position, &with, seen, &out)?;
                cases.run(calls);
                let what = format!("{position} of {tokens} over {seen:?}, {with:?}");
                // Scores of up to 20 are rounded before exp.
                cases.compare(what, &out, expected, 5.0 * F32_SUMS);
            }
        }
    }
    Ok(())
}
