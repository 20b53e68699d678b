//! Layer normalisation.

use crate::gpu::{Binding, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, rows_grid, traffic, u32_of};

/// Sizes and epsilon of a row-wise normalisation.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(super) struct NormParams {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

impl NormParams {
    pub(super) fn new(x: &Tensor, eps: f32) -> Self {
        Self {
            rows: u32_of(x.rows()),
            cols: u32_of(x.cols()),
            stride: u32_of(x.stride()),
            eps,
        }
    }
}

/// `out = (x - mean) / sqrt(variance + eps) * weight + bias`, row by row (PyTorch `LayerNorm`).
///
/// # Shapes
/// `x` and `out` `[rows, cols]`, `weight` and `bias` `[1, cols]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn layer_norm(
    gpu: &Gpu,
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    eps: f32,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    layer_norm_with(gpu.kernels(), x, weight, bias, eps, out)
}

/// [`layer_norm`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn layer_norm_with(
    variant: KernelVariant,
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    eps: f32,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = x.cols() == weight.cols() && x.cols() == bias.cols() && x.cols() == out.cols();
    expect("layer_norm", fits && x.rows() == out.rows(), || {
        format!("x {x:?}, weight {weight:?}, bias {bias:?} and out {out:?} must agree")
    })?;
    Ok(call(
        "layer_norm",
        variant.name(),
        &NormParams::new(x, eps),
        vec![
            Binding::read(x),
            Binding::read(weight),
            Binding::read(bias),
            Binding::write(out),
        ],
        rows_grid(variant, x.rows()),
        Work {
            flops: 7.0 * (x.rows() * x.cols()) as f64,
            bytes: traffic(&[x, out]),
        },
    ))
}
