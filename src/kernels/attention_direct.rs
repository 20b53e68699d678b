//! Attention for software adapters.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{
    Part,
    attention::{Attention, KeyIntervals, aligned, check, work},
    call, groups, parts, u32_of,
};

/// Columns of a head that one call computes.
const COLUMNS: usize = 64;

/// For whom an invocation reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    /// For itself: 16 of a workgroup, with four queries each.
    Alone,
    /// For a subgroup of eight, which take 32 queries together, see [`Gpu::shares_reads`].
    Together,
}

impl Lanes {
    /// What this adapter is faster with.
    pub fn of(gpu: &Gpu) -> Self {
        match gpu.shares_reads() {
            true => Self::Together,
            false => Self::Alone,
        }
    }

    /// Whether this adapter can: the page has no kernel for lanes together.
    pub fn fit(self, gpu: &Gpu) -> bool {
        self == Self::Alone || gpu.has_subgroups_of_eight()
    }

    fn entry(self) -> &'static str {
        match self {
            Self::Alone => "main",
            Self::Together => "together",
        }
    }

    /// Queries of a workgroup.
    fn queries(self) -> usize {
        match self {
            Self::Alone => 64,
            Self::Together => 32,
        }
    }
}

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
/// own; what it has found leaves it in another one. Lanes together take fewer iterations.
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
    lanes: Lanes,
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
    let grid = [groups(queries, lanes.queries()), u32_of(heads)];
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
            first_query: part.begin[0] * u32_of(lanes.queries()),
            first_head: part.begin[1],
        };
        Dispatch {
            constants: vec![aligned(with), ("CONTINUES", f64::from(u8::from(index > 0)))],
            ..call(
                "attention_direct",
                lanes.entry(),
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
