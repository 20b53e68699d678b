//! Layer normalisation.

use crate::gpu::{Binding, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{Activation, all_f32, call, expect, shared_rows, traffic, u32_of};

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

/// Parameters of a layer normalisation, and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct LayerNorm<'a> {
    /// `[1, cols]`.
    pub weight: &'a Tensor,
    /// `[1, cols]`.
    pub bias: &'a Tensor,
    /// Added to the variance.
    pub eps: f32,
    /// Added to the result, `[rows, cols]`.
    pub residual: Option<&'a Tensor>,
    /// Applied at the end.
    pub activation: Activation,
}

/// `out = activation((x - mean) / sqrt(variance + eps) * weight + bias + residual)`, row by row
/// (PyTorch `LayerNorm`).
///
/// # Shapes
/// `x`, `residual` and `out` `[rows, cols]`, `weight` and `bias` `[1, cols]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn layer_norm(
    gpu: &Gpu,
    x: &Tensor,
    with: &LayerNorm<'_>,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    layer_norm_with(gpu.kernels(), x, with, out)
}

/// [`layer_norm`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn layer_norm_with(
    variant: KernelVariant,
    x: &Tensor,
    with: &LayerNorm<'_>,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let like = |tensor: &Tensor| tensor.rows() == x.rows() && tensor.cols() == x.cols();
    let fits = all_f32(&[x, with.weight, with.bias, with.residual.unwrap_or(x), out])
        && x.cols() == with.weight.cols()
        && x.cols() == with.bias.cols()
        && like(out)
        && with.residual.is_none_or(like);
    expect("layer_norm", fits, || {
        format!("x {x:?}, {with:?} and out {out:?} must agree")
    })?;
    let (workgroups, constants) = shared_rows(variant, [x.rows(), x.cols()]);
    let mut dispatch = call(
        "layer_norm",
        variant.name(),
        &NormParams::new(x, with.eps),
        // A missing residual is bound to `x`, which nothing reads through that name.
        vec![
            Binding::read(x),
            Binding::read(with.weight),
            Binding::read(with.bias),
            Binding::read(with.residual.unwrap_or(x)),
            Binding::write(out),
        ],
        workgroups,
        Work {
            flops: 7.0 * (x.rows() * x.cols()) as f64,
            bytes: traffic(&[x, out]),
        },
    );
    dispatch.constants = constants;
    dispatch.constants.extend([
        ("ACTIVATION", with.activation.code()),
        ("HAS_RESIDUAL", f64::from(u8::from(with.residual.is_some()))),
    ]);
    Ok(dispatch)
}
