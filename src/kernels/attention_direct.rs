//! Attention for software adapters.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{
    Part,
    attention::{Attention, KeyIntervals, aligned, check, work},
    call, groups, parts, u32_of,
};

/// Columns of a head that one call computes.
const COLUMNS: usize = 64;
/// Queries of a workgroup: 16 invocations with four each.
const QUERIES: usize = 64;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    queries: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    q_stride: u32,
    kv_stride: u32,
    first: u32,
    end: u32,
    scale: f32,
    first_query: u32,
    first_head: u32,
}

/// Keys that an invocation goes through within so many loop iterations. It takes four at a time, with two loops of their
/// own; what it has found leaves it in another one.
pub(super) fn piece(most: Option<usize>, head_dim: usize) -> usize {
    let Some(most) = most else {
        return usize::MAX;
    };
    let columns = head_dim.min(COLUMNS).div_ceil(4);
    let per_four = head_dim.div_ceil(4) + columns + 3;
    (most.saturating_sub(columns + 2) / per_four).max(1) * 4
}

/// As [`attention`](super::attention::attention), the keys in pieces of `piece`, each a dispatch: a running maximum and
/// a total join them. Where one would take too long (see [`Gpu::most_flops`]), heads and queries are cut, too.
///
/// # Shapes
/// `q` and `out` `[queries, heads * head_dim]`, `k` and `v` `[keys, kv_heads * head_dim]`, f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooLarge`].
#[allow(clippy::too_many_arguments)]
pub fn attention_direct(
    gpu: &Gpu,
    piece: usize,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    with: &Attention,
    seen: &KeyIntervals,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    check("attention_direct", q, k, v, with, seen, out)?;
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = *with;
    let (queries, keys) = (q.rows(), k.rows());
    let columns = head_dim.div_ceil(COLUMNS);
    let state = gpu.tensor(DType::F32, columns * heads, 2 * queries.next_multiple_of(2))?;
    let bindings = vec![
        Binding::read(q),
        Binding::read(k),
        Binding::read(v),
        Binding::read(seen.table()),
        Binding::write(out),
        Binding::write(&state),
    ];
    let piece = piece.clamp(1, keys.max(1));
    let pieces = keys.div_ceil(piece).max(1);
    let work = work([q, k, v, out], with, seen);
    let of_piece = work.flops / pieces as f64;
    let grid = [groups(queries, QUERIES), u32_of(heads)];
    let cut = parts(grid, of_piece, gpu.most_flops());
    let dispatch = |index: usize, part: &Part| {
        let first = index * piece;
        let params = Params {
            queries: u32_of(queries),
            heads: u32_of(heads),
            kv_heads: u32_of(kv_heads),
            head_dim: u32_of(head_dim),
            q_stride: u32_of(q.stride()),
            kv_stride: u32_of(k.stride()),
            first: u32_of(first),
            end: u32_of(keys.min(first.saturating_add(piece))),
            scale,
            first_query: part.begin[0] * u32_of(QUERIES),
            first_head: part.begin[1],
        };
        Dispatch {
            constants: vec![aligned(with), ("CONTINUES", f64::from(u8::from(index > 0)))],
            ..call(
                "attention_direct",
                "main",
                &params,
                bindings.clone(),
                [part.size[0], part.size[1], u32_of(columns)],
                Work {
                    flops: part.share * of_piece,
                    bytes: part.share * work.bytes / pieces as f64,
                },
            )
        }
    };
    let calls = (0..pieces).flat_map(|index| cut.iter().map(move |part| (index, part)));
    Ok(calls.map(|(index, part)| dispatch(index, part)).collect())
}
