//! Root-mean-square normalisation of each head.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, shared_rows, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    heads: u32,
    per_row: u32,
    head_dim: u32,
    stride: u32,
    eps: f32,
}

/// `x = x / sqrt(mean(x^2) + eps) * weight`, in place, for each head of each row by itself: the norms
/// of queries and keys (arXiv 2010.04245; `Qwen3Attention`).
///
/// # Shapes
/// `x` `[tokens, heads * head_dim]`, `weight` `[1, head_dim]`, both f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn head_norm(gpu: &Gpu, x: &Tensor, weight: &Tensor, eps: f32) -> Result<Dispatch, GpuError> {
    head_norm_with(gpu.kernels(), x, weight, eps)
}

/// [`head_norm`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn head_norm_with(
    variant: KernelVariant,
    x: &Tensor,
    weight: &Tensor,
    eps: f32,
) -> Result<Dispatch, GpuError> {
    let head_dim = weight.cols();
    let fits = head_dim > 0
        && x.cols().is_multiple_of(head_dim)
        && [x, weight]
            .iter()
            .all(|tensor| tensor.dtype() == DType::F32);
    expect("head_norm", fits, || {
        format!("the rows of x {x:?} do not consist of heads of weight {weight:?}")
    })?;
    let per_row = x.cols() / head_dim;
    let heads = x.rows() * per_row;
    let (workgroups, constants) = shared_rows(variant, [heads, head_dim]);
    let dispatch = call(
        "head_norm",
        variant.name(),
        &Params {
            heads: u32_of(heads),
            per_row: u32_of(per_row),
            head_dim: u32_of(head_dim),
            stride: u32_of(x.stride()),
            eps,
        },
        vec![Binding::read(weight), Binding::write(x)],
        workgroups,
        Work {
            flops: 4.0 * (x.rows() * x.cols()) as f64,
            bytes: 8.0 * (x.rows() * x.cols()) as f64,
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
