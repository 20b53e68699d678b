//! Attention of one query over a cache of keys and values.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{
    attention::{Attention, Interval},
    call, expect, groups,
    rotate_heads::Turn,
    u32_of,
};

/// Most keys of a piece, by variant: the weights of a workgroup, and of an invocation.
const MOST_TILED: usize = 256;
const MOST_DIRECT: usize = 32;
/// The entry that joins the pieces.
const JOIN: &str = "join";
/// Pieces of a head that keep a GPU busy.
const ENOUGH_PIECES: usize = 32;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    kv_stride: u32,
    first: u32,
    end: u32,
    piece: u32,
    pieces: u32,
    state_stride: u32,
    angles: u32,
    scale: f32,
    eps: f32,
}

/// Keys of a piece where a query sees so many.
fn piece(variant: KernelVariant, keys: usize) -> usize {
    match variant {
        // Whole turns of a workgroup; few pieces are joined faster than many.
        KernelVariant::Tiled => {
            let even = keys.div_ceil(ENOUGH_PIECES).next_multiple_of(64);
            even.clamp(64, MOST_TILED)
        }
        KernelVariant::Direct => MOST_DIRECT,
    }
}

/// `out = softmax(scale q k^T) v` for one query, head by head, over the keys `seen` of a cache: the decode
/// path of [`attention`](super::attention::attention). The keys are split over workgroups, whose results
/// are joined (Flash-Decoding; online softmax as in arXiv 2205.14135).
///
/// Query, key and value of the token come as one product, `x`; query and key are normed and turned as by
/// [`rotate_heads`](super::rotate_heads::rotate_heads), and key and value go to the last row seen of the cache.
///
/// # Shapes
/// `x [1, (heads + 2 kv_heads) * head_dim]`, `out [1, heads * head_dim]`, `kv` (keys and values) `[>= keys seen,
/// kv_heads * head_dim]` each, f32; `head_dim` even.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooLarge`].
pub fn attention_decode(
    gpu: &Gpu,
    x: &Tensor,
    kv: [&Tensor; 2],
    with: &Attention,
    turn: &Turn<'_>,
    seen: Interval,
    out: &Tensor,
) -> Result<[Dispatch; 2], GpuError> {
    attention_decode_with(gpu, gpu.kernels(), x, kv, with, turn, seen, out)
}

/// [`attention_decode`] in a given variant.
///
/// # Errors
/// As [`attention_decode`].
#[allow(clippy::too_many_arguments)]
pub fn attention_decode_with(
    gpu: &Gpu,
    variant: KernelVariant,
    x: &Tensor,
    [k, v]: [&Tensor; 2],
    with: &Attention,
    turn: &Turn<'_>,
    seen: Interval,
    out: &Tensor,
) -> Result<[Dispatch; 2], GpuError> {
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
    } = *with;
    let [first, end] = seen.map(|key| key as usize);
    let shape = |tensor: &Tensor| [tensor.rows(), tensor.cols()];
    let all = heads + 2 * kv_heads;
    let fits = kv_heads > 0
        && heads % kv_heads == 0
        && first < end
        && end <= k.rows()
        && turn.fits(1, head_dim)
        && shape(k) == shape(v)
        && k.cols() == kv_heads * head_dim
        && shape(x) == [1, all * head_dim]
        && shape(out) == [1, heads * head_dim]
        && [x, k, v, out].iter().all(|t| t.dtype() == DType::F32);
    expect("attention_decode", fits, || {
        format!(
            "x {x:?}, k {k:?}, v {v:?} and out {out:?} do not fit {with:?} with {turn:?} over keys {seen:?}"
        )
    })?;
    let keys = end - first;
    // By the whole cache, so that all steps of an answer bind the same memory.
    let piece = piece(variant, k.rows());
    let most = k.rows().div_ceil(piece);
    let pieces = keys.div_ceil(piece);
    let state = gpu.tensor(DType::F32, most * heads, head_dim + 2)?;
    let params = Params {
        heads: u32_of(heads),
        kv_heads: u32_of(kv_heads),
        head_dim: u32_of(head_dim),
        kv_stride: u32_of(k.stride()),
        first: u32_of(first),
        end: u32_of(end),
        piece: u32_of(piece),
        pieces: u32_of(pieces),
        state_stride: u32_of(state.stride()),
        angles: u32_of(turn.first * turn.table.stride()),
        scale,
        eps: turn.eps(),
    };
    let constants = vec![
        turn.constant(),
        ("ALIGNED", f64::from(u8::from(head_dim.is_multiple_of(4)))),
        ("QUADS", head_dim.div_ceil(4) as f64),
    ];
    let dispatch = |entry: &'static str, cache: [Binding; 2], workgroups, work: Work| {
        let [table, q_norm, k_norm] = turn.bindings();
        let [k, v] = cache;
        let mut bindings = vec![Binding::read(x), table, q_norm, k_norm];
        bindings.extend([Binding::write(&state), k, v]);
        if entry == JOIN {
            bindings.push(Binding::write(out));
        }
        Dispatch {
            constants: constants.clone(),
            ..call(
                "attention_decode",
                entry,
                &params,
                bindings,
                workgroups,
                work,
            )
        }
    };
    let workgroups = match variant {
        KernelVariant::Tiled => [u32_of(pieces), u32_of(heads), 1],
        KernelVariant::Direct => [groups(pieces * heads, 64), 1, 1],
    };
    let width = heads * head_dim;
    let joined = (pieces * width) as f64;
    Ok([
        dispatch(
            variant.name(),
            [k, v].map(Binding::read),
            workgroups,
            Work {
                flops: 4.0 * (keys * width) as f64,
                bytes: 8.0 * (keys * kv_heads * head_dim) as f64,
            },
        ),
        dispatch(
            JOIN,
            [k, v].map(Binding::write),
            [groups(all * head_dim, 64), 1, 1],
            Work {
                flops: 3.0 * joined,
                bytes: 4.0 * joined,
            },
        ),
    ])
}
