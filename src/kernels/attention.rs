//! Attention with an online softmax.

use crate::gpu::{AdapterClass, Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{
    Part,
    attention_direct::{self, Lanes, attention_direct},
    call, expect, groups, parts, traffic, u32_of,
};

mod intervals;

use intervals::ENTRY;
pub use intervals::{Interval, KeyIntervals, causal, causal_at, full};

/// Columns of a head that one call computes.
const COLUMNS: usize = 128;

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
    /// As [`attention_direct`] does, the keys in pieces of so many: for software adapters.
    Direct {
        /// For whom an invocation reads.
        lanes: Lanes,
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
    keys: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    q_stride: u32,
    kv_stride: u32,
    scale: f32,
    first_block: u32,
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
            lanes: Lanes::of(gpu),
            piece: attention_direct::piece(gpu.most_turns(), with.head_dim),
        },
        // 24 KiB of workgroup memory; what grants only WebGPU's 16 KiB gets half as many queries. Few queries take as
        // many, for a workgroup takes as long, and their bits are the same wherever they stand.
        _ if gpu.workgroup_storage() >= 24 << 10 => Blocks::Tiled { queries: 64 },
        _ => Blocks::Tiled { queries: 32 },
    };
    attention_with(gpu, blocks, q, k, v, with, seen, out)
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
    let block = match blocks {
        Blocks::Direct { lanes, piece } => {
            return attention_direct(gpu, lanes, piece, q, k, v, with, seen, out);
        }
        Blocks::Tiled { queries } => queries,
    };
    check("attention", q, k, v, with, seen, out)?;
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = *with;
    let blocks = seen.blocks(block);
    expect("attention", blocks.is_some(), || {
        format!("there are no workgroups of {block} queries")
    })?;
    let [first, count] = blocks.unwrap_or_default();
    let params = |part: &Part| Params {
        keys: u32_of(k.rows()),
        heads: u32_of(heads),
        kv_heads: u32_of(kv_heads),
        head_dim: u32_of(head_dim),
        q_stride: u32_of(q.stride()),
        kv_stride: u32_of(k.stride()),
        scale,
        first_block: u32_of(first) + u32_of(ENTRY) * part.begin[0],
        first_head: part.begin[1],
    };
    let bindings = vec![
        Binding::read(q),
        Binding::read(k),
        Binding::read(v),
        Binding::read(seen.table()),
        Binding::write(out),
    ];
    let work = work([q, k, v, out], with, seen);
    let grid = [u32_of(count), u32_of(heads)];
    let calls = parts(grid, work.flops, gpu.most_flops());
    let calls = calls.iter().map(|part| Dispatch {
        constants: vec![
            aligned(with),
            ("QUERIES", block as f64),
            ("SLOTS", (block * 16 + 512) as f64),
            ("WIDE", f64::from(u8::from(head_dim > 64))),
        ],
        ..call(
            "attention",
            "tiled",
            &params(part),
            bindings.clone(),
            [part.size[0], part.size[1], groups(head_dim, COLUMNS)],
            Work {
                flops: part.share * work.flops,
                bytes: part.share * work.bytes,
            },
        )
    });
    Ok(calls.collect())
}

/// Whether tensors fit each other, as [`attention`] takes them.
pub(super) fn check(
    name: &'static str,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    with: &Attention,
    seen: &KeyIntervals,
    out: &Tensor,
) -> Result<(), GpuError> {
    let Attention {
        heads,
        kv_heads,
        head_dim,
        ..
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
    expect(name, fits, || {
        format!("q {q:?}, k {k:?}, v {v:?} and out {out:?} do not fit {with:?} over {seen:?}")
    })
}

/// What all queries take.
pub(super) fn work(tensors: [&Tensor; 4], with: &Attention, seen: &KeyIntervals) -> Work {
    Work {
        flops: 4.0 * seen.pairs() * (with.heads * with.head_dim) as f64,
        bytes: traffic(&tensors),
    }
}

/// Whether heads begin at multiples of four elements.
pub(super) fn aligned(with: &Attention) -> (&'static str, f64) {
    let aligned = with.head_dim.is_multiple_of(4);
    ("ALIGNED", f64::from(u8::from(aligned)))
}
