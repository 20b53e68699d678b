//! Cases of `attention_decode`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{
        attention::{Attention, Interval},
        attention_decode::attention_decode,
        u32_of,
    },
    reference,
};

/// (rows of the cache, heads, kv_heads, head_dim): one key, the pieces of both variants and their
/// neighbours, heads that do not begin at multiples of four, a long cache.
pub const SHAPES: [(usize, usize, usize, usize); 8] = [
    (1, 1, 1, 1),
    (31, 2, 1, 6),
    (33, 4, 2, 10),
    (64, 3, 3, 33),
    (65, 70, 35, 4),
    (257, 9, 3, 64),
    (601, 2, 1, 256),
    (2100, 4, 2, 128),
];

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick {
        &SHAPES[2..3]
    } else {
        &SHAPES[..]
    };
    for &(rows, heads, kv_heads, head_dim) in shapes {
        let (width, kv_width) = (heads * head_dim, kv_heads * head_dim);
        // Scores of some size, so that the pieces' maxima differ.
        let q: Vec<f32> = cases.normals(width).iter().map(|v| v * 4.0).collect();
        let (k, v) = (
            cases.normals(rows * kv_width),
            cases.normals(rows * kv_width),
        );
        let q_t = cases.upload(1, width, &q)?;
        let (k_t, v_t) = (
            cases.upload(rows, kv_width, &k)?,
            cases.upload(rows, kv_width, &v)?,
        );
        let with = Attention {
            heads,
            kv_heads,
            head_dim,
            scale: (head_dim as f32).powf(-0.5),
        };
        let last = u32_of(rows);
        let seen: [Interval; 4] = [
            [0, 1],
            [0, last],
            [last / 3, last],
            [last / 2, last / 2 + 1],
        ];
        for seen in seen {
            let out = cases.out(1, width)?;
            let calls = attention_decode(cases.gpu, &q_t, &k_t, &v_t, &with, seen, &out)?;
            cases.run(calls);
            let expected = reference::attention_decode(&q, &k, &v, &with, seen);
            let what = format!("keys {seen:?} of {rows}, {with:?}");
            cases.compare(what, &out, expected, 4.0 * F32_SUMS);
        }
    }
    Ok(())
}
