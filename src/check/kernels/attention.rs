//! Cases of `attention`.

use super::Cases;
use crate::{
    check::F32_SUMS,
    gpu::{Dispatch, Gpu, GpuError, Tensor},
    kernels::{
        attention::{Attention, Interval, KeyIntervals, attention, causal, full},
        u32_of,
    },
    reference,
};

/// (queries, keys, heads, kv_heads, head_dim): tiles of 32 and 64 and their neighbours, heads wider
/// than the 128 columns that are computed at once, other numbers of queries than of keys.
const SHAPES: [(usize, usize, usize, usize, usize); 15] = [
    (1, 1, 1, 1, 1),
    (2, 2, 2, 1, 6),
    (31, 31, 4, 2, 10),
    (33, 33, 3, 3, 32),
    (65, 65, 6, 2, 33),
    (70, 70, 2, 1, 64),
    (37, 37, 2, 2, 100),
    (5, 5, 1, 1, 130),
    (130, 130, 2, 1, 80),
    (97, 97, 4, 1, 128),
    (300, 300, 9, 3, 64),
    (1, 5, 1, 1, 3),
    (7, 49, 3, 3, 6),
    (70, 33, 2, 2, 64),
    (33, 130, 1, 1, 20),
];

/// Grouped, longer than a tile.
const QUICK: [(usize, usize, usize, usize, usize); 1] = [(35, 35, 2, 1, 10)];

/// What records the calls of the kernel at hand.
type Record<'a> =
    &'a dyn Fn(&Gpu, [&Tensor; 4], &Attention, &KeyIntervals) -> Result<Vec<Dispatch>, GpuError>;

/// Queries of some size, so that the running maximum moves.
fn one(
    cases: &mut Cases<'_>,
    queries: usize,
    keys: usize,
    with: &Attention,
    seen: &[Interval],
    (size, bound): (f32, f64),
    record: Record<'_>,
) -> Result<(), GpuError> {
    let (width, kv_width) = (with.heads * with.head_dim, with.kv_heads * with.head_dim);
    let q: Vec<f32> = cases
        .normals(queries * width)
        .iter()
        .map(|v| v * size)
        .collect();
    let (k, v) = (
        cases.normals(keys * kv_width),
        cases.normals(keys * kv_width),
    );
    let q_t = cases.upload(queries, width, &q)?;
    let k_t = cases.upload(keys, kv_width, &k)?;
    let v_t = cases.upload(keys, kv_width, &v)?;
    let out = cases.out(queries, width)?;
    let intervals = KeyIntervals::new(cases.gpu, keys, seen)?;
    let calls = record(cases.gpu, [&q_t, &k_t, &v_t, &out], with, &intervals)?;
    cases.run(calls);
    let expected = reference::attention(&q, &k, &v, with, seen);
    let what = format!("{queries} queries, {keys} keys, {with:?}");
    cases.compare(what, &out, expected, bound);
    Ok(())
}

pub(super) fn cases(cases: &mut Cases<'_>) -> Result<(), GpuError> {
    all(cases, &|gpu, [q, k, v, out], with, seen| {
        attention(gpu, q, k, v, with, seen, out)
    })
}

/// Every mask, grouping and width with the kernel that `record` calls.
pub(super) fn all(cases: &mut Cases<'_>, record: Record<'_>) -> Result<(), GpuError> {
    let shapes = if cases.quick { &QUICK[..] } else { &SHAPES[..] };
    for &(queries, keys, heads, kv_heads, head_dim) in shapes {
        let with = Attention {
            heads,
            kv_heads,
            head_dim,
            scale: (head_dim as f32).powf(-0.5),
        };
        let mut masks = vec![full(queries, keys)];
        if queries == keys {
            let last = u32_of(keys);
            let each = |interval: &dyn Fn(u32) -> Interval| (0..last).map(interval).collect();
            masks.push(causal(keys));
            if !cases.quick {
                // A sliding window, segments, and queries of which some see nothing.
                masks.push(each(&|i| [i.saturating_sub(5), i + 1]));
                masks.push(each(&|i| [i / 9 * 9, last.min(i / 9 * 9 + 9)]));
                masks.push(each(&|i| if i % 3 == 0 { [i, i] } else { [i / 2, i] }));
            }
        }
        for seen in masks {
            one(
                cases,
                queries,
                keys,
                &with,
                &seen,
                (4.0, 2.0 * F32_SUMS),
                record,
            )?;
        }
    }
    if !cases.quick {
        let with = Attention {
            heads: 1,
            kv_heads: 1,
            head_dim: 8,
            scale: 1.0,
        };
        // Scores near 4000 are rounded to about 2e-4 before exp.
        one(cases, 40, 40, &with, &causal(40), (1e3, 1e-3), record)?;
    }
    Ok(())
}
