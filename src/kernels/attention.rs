//! Attention with an online softmax.

use crate::gpu::{Binding, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, groups, traffic, u32_of};

/// Columns of a head that one workgroup computes.
const COLUMNS: usize = 64;

/// Heads and mask.
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
    /// A query sees only keys up to its own position; there are as many keys as queries then.
    pub causal: bool,
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
    scale: f32,
}

/// `out = softmax(scale q k^T) v` for each head (online softmax: arXiv 2205.14135); grouped queries
/// as in arXiv 2305.13245.
///
/// # Shapes
/// `q` and `out` `[queries, heads * head_dim]`, `k` and `v` `[keys, kv_heads * head_dim]`, f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooManyTurns`].
pub fn attention(
    gpu: &Gpu,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    with: &Attention,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    if gpu.kernels() == KernelVariant::Direct {
        gpu.check_turns("attention", turns(k.rows(), with.head_dim))?;
    }
    attention_with(gpu.kernels(), q, k, v, with, out)
}

/// Turns of all loops of the direct variant for a query that sees `keys` keys, which it goes through
/// four at a time; leaving a loop counts as a turn.
pub fn turns(keys: usize, head_dim: usize) -> usize {
    let elements = match head_dim.is_multiple_of(4) {
        true => 4,
        false => 1,
    };
    let columns = head_dim.min(COLUMNS) / elements;
    keys.div_ceil(4) * (head_dim / elements + columns + 3) + 2 * columns
}

/// [`attention`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn attention_with(
    variant: KernelVariant,
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    with: &Attention,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let Attention {
        heads,
        kv_heads,
        head_dim,
        scale,
        causal,
    } = *with;
    let (queries, keys) = (q.rows(), k.rows());
    let is = |tensor: &Tensor, rows: usize, heads: usize| {
        tensor.rows() == rows && tensor.cols() == heads * head_dim
    };
    let fits = kv_heads > 0
        && heads % kv_heads == 0
        && (!causal || queries == keys)
        && is(q, queries, heads)
        && is(out, queries, heads)
        && is(k, keys, kv_heads)
        && is(v, keys, kv_heads);
    expect("attention", fits, || {
        format!("q {q:?}, k {k:?}, v {v:?} and out {out:?} do not fit {with:?}")
    })?;
    let at_once = match variant {
        KernelVariant::Tiled => 32,
        KernelVariant::Direct => 64,
    };
    let pairs = (queries * keys) as f64 * if causal { 0.5 } else { 1.0 };
    let entry = match variant {
        KernelVariant::Direct if head_dim.is_multiple_of(4) => "direct4",
        variant => variant.name(),
    };
    let mut dispatch = call(
        "attention",
        entry,
        &Params {
            queries: u32_of(queries),
            keys: u32_of(keys),
            heads: u32_of(heads),
            kv_heads: u32_of(kv_heads),
            head_dim: u32_of(head_dim),
            q_stride: u32_of(q.stride()),
            kv_stride: u32_of(k.stride()),
            scale,
        },
        vec![
            Binding::read(q),
            Binding::read(k),
            Binding::read(v),
            Binding::write(out),
        ],
        [
            groups(queries, at_once),
            u32_of(heads),
            groups(head_dim, COLUMNS),
        ],
        Work {
            flops: 4.0 * pairs * (heads * head_dim) as f64,
            bytes: traffic(&[q, k, v, out]),
        },
    );
    dispatch.constants = vec![("CAUSAL", f64::from(u8::from(causal)))];
    Ok(dispatch)
}
