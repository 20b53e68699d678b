//! Where one token looks: a single row of the attention weights.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{
    attention::{Attention, Interval},
    call, expect, groups, rows_grid, traffic, u32_of,
};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    position: u32,
    first: u32,
    keys: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    q_stride: u32,
    kv_stride: u32,
    out_stride: u32,
    scale: f32,
}

/// `out = softmax(scale q[position] k^T)` for each head, the weights that
/// [`attention`](super::attention::attention) gives to the values (arXiv 1706.03762); grouped
/// queries as in arXiv 2305.13245. The maximum is subtracted before the exponential.
///
/// # Shapes
/// `q` `[tokens, heads * head_dim]`, `k` `[tokens, kv_heads * head_dim]`, `out` `[heads, keys]`, all
/// f32; `keys` are those of the interval `seen`, the first one's weight in column 0.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn attention_row(
    gpu: &Gpu,
    q: &Tensor,
    k: &Tensor,
    position: usize,
    with: &Attention,
    seen: Interval,
    out: &Tensor,
) -> Result<[Dispatch; 2], GpuError> {
    attention_row_with(gpu.kernels(), q, k, position, with, seen, out)
}

/// [`attention_row`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn attention_row_with(
    variant: KernelVariant,
    q: &Tensor,
    k: &Tensor,
    position: usize,
    with: &Attention,
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
    let keys = end.saturating_sub(first);
    let fits = kv_heads > 0
        && heads % kv_heads == 0
        && position < q.rows()
        && (first..k.rows()).contains(&end.saturating_sub(1))
        && q.cols() == heads * head_dim
        && k.cols() == kv_heads * head_dim
        && [out.rows(), out.cols()] == [heads, keys]
        && [q, k, out].iter().all(|t| t.dtype() == DType::F32);
    expect("attention_row", fits, || {
        format!(
            "q {q:?}, k {k:?} and out {out:?} do not fit row {position} of {with:?} over keys {seen:?}"
        )
    })?;
    let params = Params {
        position: u32_of(position),
        first: u32_of(first),
        keys: u32_of(keys),
        heads: u32_of(heads),
        kv_heads: u32_of(kv_heads),
        head_dim: u32_of(head_dim),
        q_stride: u32_of(q.stride()),
        kv_stride: u32_of(k.stride()),
        out_stride: u32_of(out.stride()),
        scale,
    };
    // One layout for both: the second call looks at `out` only.
    let bindings = || vec![Binding::read(q), Binding::read(k), Binding::write(out)];
    let scores = (heads * keys) as f64;
    Ok([
        call(
            "attention_row",
            "scores",
            &params,
            bindings(),
            [groups(keys, 64), u32_of(heads), 1],
            Work {
                flops: 2.0 * scores * head_dim as f64,
                bytes: traffic(&[k, out]),
            },
        ),
        call(
            "attention_row",
            variant.name(),
            &params,
            bindings(),
            rows_grid(variant, heads),
            Work {
                flops: 4.0 * scores,
                bytes: 4.0 * traffic(&[out]),
            },
        ),
    ])
}
