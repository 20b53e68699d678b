//! Cases of `attention_decode`.

use super::{Cases, rotary::table};
use crate::{
    check::F32_SUMS,
    gpu::GpuError,
    kernels::{
        attention::{Attention, Interval},
        attention_decode::attention_decode,
        rotate_heads::{HeadNorms, Turn},
        u32_of,
    },
    reference,
};

/// (rows of the cache, heads, kv_heads, head_dim): one key, the pieces of both variants and their
/// neighbours, heads that do not begin at multiples of four, a long cache.
pub const SHAPES: [(usize, usize, usize, usize); 8] = [
    (1, 1, 1, 2),
    (31, 2, 1, 6),
    (33, 4, 2, 10),
    (64, 3, 3, 34),
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
            for normed in [false, true] {
                one(cases, rows, &with, seen, normed)?;
            }
        }
    }
    Ok(())
}

fn one(
    cases: &mut Cases<'_>,
    rows: usize,
    with: &Attention,
    seen: Interval,
    normed: bool,
) -> Result<(), GpuError> {
    let head_dim = with.head_dim;
    let (width, kv_width) = (with.heads * head_dim, with.kv_heads * head_dim);
    let mut x = cases.normals(width + 2 * kv_width);
    // Scores of some size, so that the pieces' maxima differ.
    x.iter_mut().take(width).for_each(|value| *value *= 4.0);
    let (mut k, mut v) = (
        cases.normals(rows * kv_width),
        cases.normals(rows * kv_width),
    );
    let weights = [cases.normals(head_dim), cases.normals(head_dim)];
    let table = table(5, head_dim);
    let x_t = cases.upload(1, x.len(), &x)?;
    let (k_t, v_t) = (
        cases.upload(rows, kv_width, &k)?,
        cases.upload(rows, kv_width, &v)?,
    );
    let table_t = cases.upload(5, head_dim, &table)?;
    let q_weight = cases.upload(1, head_dim, &weights[0])?;
    let k_weight = cases.upload(1, head_dim, &weights[1])?;
    let eps = 1e-6;
    let norms = HeadNorms {
        q: &q_weight,
        k: &k_weight,
        eps,
    };
    let turn = Turn {
        table: &table_t,
        first: 3,
        norms: normed.then_some(norms),
    };
    let out = cases.out(1, width)?;
    let calls = attention_decode(cases.gpu, &x_t, [&k_t, &v_t], with, &turn, seen, &out)?;
    cases.run(calls);
    let slices = [&weights[0][..], &weights[1][..]];
    let turned = (
        &table[3 * head_dim..4 * head_dim],
        normed.then_some((slices, eps)),
    );
    let expected = reference::attention_decode(&x, [&mut k, &mut v], with, turned, seen);
    let what = format!("keys {seen:?} of {rows}, {with:?}, normed: {normed}");
    cases.compare(what.clone(), &out, expected, 4.0 * F32_SUMS);
    cases.compare(format!("keys kept, {what}"), &k_t, k, F32_SUMS);
    cases.compare(format!("values kept, {what}"), &v_t, v, 0.0);
    Ok(())
}
