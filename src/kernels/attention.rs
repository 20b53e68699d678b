//! Attention with an online softmax.

use crate::gpu::{AdapterClass, Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{Part, call, expect, groups, parts, traffic, u32_of};

mod intervals;

use intervals::ENTRY;
pub use intervals::{Interval, KeyIntervals, causal, causal_at, full};

/// Columns of a head that one call of a variant computes.
const DIRECT_COLUMNS: usize = 64;
const TILED_COLUMNS: usize = 128;
/// Queries of a workgroup of the direct variant.
const DIRECT_QUERIES: usize = 64;

/// Heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Attention {
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Factor of the scores, usually `head_dim^-1/2`.
    pub scale: f32,
}

/// How attention is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blocks {
    /// A query per invocation, the keys in pieces of so many: for software adapters.
    Direct {
        /// Keys that a call takes at most.
        piece: usize,
    },
    /// So many queries per workgroup, 64 or 32.
    Tiled {
        /// Queries of a workgroup.
        queries: usize,
    },
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    queries: u32,
    keys: u32,
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

/// `out = softmax(scale q k^T) v` for each head (online softmax: arXiv 2205.14135), each query over its
/// own interval of keys; grouped queries as in arXiv 2305.13245. Where an adapter ends long loops, the
/// keys come in pieces, one dispatch each; where one would take too long (see [`Gpu::most_flops`]), heads and
/// queries do.
///
/// # Shapes
/// `q` and `out` `[queries, heads * head_dim]`, `k` and `v` `[keys, kv_heads * head_dim]`, f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooLarge`].
pub fn attention(
    gpu: &Gpu,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    with: &Attention,
    seen: &KeyIntervals,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    let blocks = match gpu.class() {
        AdapterClass::Software => Blocks::Direct {
            piece: piece(gpu.most_turns(), with.head_dim),
        },
        // 24 KiB of workgroup memory; what grants only WebGPU's 16 KiB gets half as many queries. Few queries take as
        // many, for a workgroup takes as long, and their bits are the same wherever they stand.
        _ if gpu.workgroup_storage() >= 24 << 10 => Blocks::Tiled { queries: 64 },
        _ => Blocks::Tiled { queries: 32 },
    };
    attention_with(gpu, blocks, q, k, v, with, seen, out)
}

/// Keys that the direct variant goes through within so many loop iterations. It takes four at a time;
/// leaving a loop counts as well.
fn piece(most: Option<usize>, head_dim: usize) -> usize {
    let Some(most) = most else {
        return usize::MAX;
    };
    let columns = head_dim.min(DIRECT_COLUMNS).div_ceil(4);
    let per_four = head_dim.div_ceil(4) + columns + 3;
    (most.saturating_sub(2 * columns + 2) / per_four).max(1) * 4
}

/// [`attention`] in given blocks.
///
/// # Errors
/// As [`attention`].
#[allow(clippy::too_many_arguments)]
pub fn attention_with(
    gpu: &Gpu,
    blocks: Blocks,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    with: &Attention,
    seen: &KeyIntervals,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = *with;
    let (queries, keys) = (q.rows(), k.rows());
    let is = |tensor: &Tensor, rows: usize, heads: usize| {
        tensor.rows() == rows && tensor.cols() == heads * head_dim && tensor.dtype() == DType::F32
    };
    let fits = kv_heads > 0
        && heads % kv_heads == 0
        && [seen.queries(), seen.keys()] == [queries, keys]
        && is(q, queries, heads)
        && is(out, queries, heads)
        && is(k, keys, kv_heads)
        && is(v, keys, kv_heads);
    expect("attention", fits, || {
        format!("q {q:?}, k {k:?}, v {v:?} and out {out:?} do not fit {with:?} over {seen:?}")
    })?;
    let params = |first: usize, end: usize, part: &Part, first_query: u32| Params {
        queries: u32_of(queries),
        keys: u32_of(keys),
        heads: u32_of(heads),
        kv_heads: u32_of(kv_heads),
        head_dim: u32_of(head_dim),
        q_stride: u32_of(q.stride()),
        kv_stride: u32_of(k.stride()),
        first: u32_of(first),
        end: u32_of(end),
        scale,
        first_query,
        first_head: part.begin[1],
    };
    let bindings = vec![
        Binding::read(q),
        Binding::read(k),
        Binding::read(v),
        Binding::read(seen.table()),
        Binding::write(out),
    ];
    let flops = 4.0 * seen.pairs() * (heads * head_dim) as f64;
    let work = |share: f64| Work {
        flops: share * flops,
        bytes: share * traffic(&[q, k, v, out]),
    };
    let aligned = ("ALIGNED", f64::from(u8::from(head_dim.is_multiple_of(4))));
    // Of one piece of the keys, in blocks of queries.
    let cut = |blocks: u32, pieces: usize| {
        let grid = [blocks, u32_of(heads)];
        parts(grid, flops / pieces as f64, gpu.most_flops())
    };
    let grid = |part: &Part, columns: usize| {
        let [blocks, heads] = part.size;
        [blocks, heads, groups(head_dim, columns)]
    };
    match blocks {
        Blocks::Tiled { queries: block } => {
            let found = seen.blocks(block);
            expect("attention", found.is_some(), || {
                format!("there are no workgroups of {block} queries")
            })?;
            let [place, count] = found.unwrap_or_default();
            let calls = cut(u32_of(count), 1).into_iter().map(|part| {
                let first = u32_of(place) + u32_of(ENTRY) * part.begin[0];
                let mut dispatch = call(
                    "attention",
                    "tiled",
                    &params(0, keys, &part, first),
                    bindings.clone(),
                    grid(&part, TILED_COLUMNS),
                    work(part.share),
                );
                dispatch.constants = vec![
                    aligned,
                    ("QUERIES", block as f64),
                    ("SLOTS", (block * 16 + 512) as f64),
                    ("WIDE", f64::from(u8::from(head_dim > 64))),
                ];
                dispatch
            });
            Ok(calls.collect())
        }
        Blocks::Direct { piece } => {
            let columns = head_dim.div_ceil(DIRECT_COLUMNS);
            let state = gpu.tensor(DType::F32, columns * heads, 2 * queries.next_multiple_of(2))?;
            let mut all = bindings;
            all.push(Binding::write(&state));
            let piece = piece.clamp(1, keys.max(1));
            let pieces = keys.div_ceil(piece).max(1);
            let parts = cut(groups(queries, DIRECT_QUERIES), pieces);
            let calls = (0..pieces).flat_map(|index| {
                let first = index * piece;
                let end = keys.min(first.saturating_add(piece));
                let (params, grid, work, all) = (&params, &grid, &work, &all);
                parts.iter().map(move |part| {
                    let first_query = part.begin[0] * u32_of(DIRECT_QUERIES);
                    let mut dispatch = call(
                        "attention",
                        "direct",
                        &params(first, end, part, first_query),
                        all.clone(),
                        grid(part, DIRECT_COLUMNS),
                        work(part.share / pieces as f64),
                    );
                    dispatch.constants =
                        vec![aligned, ("CONTINUES", f64::from(u8::from(index > 0)))];
                    dispatch
                })
            });
            Ok(calls.collect())
        }
    }
}
