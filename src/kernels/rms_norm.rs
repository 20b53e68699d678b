//! Root-mean-square normalisation.

use crate::gpu::{Binding, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{all_f32, call, expect, layer_norm::NormParams, shared_rows, traffic};

/// `out = x / sqrt(mean(x^2) + eps) * weight`, row by row (arXiv 1910.07467; `LlamaRMSNorm`).
///
/// # Shapes
/// `x` and `out` `[rows, cols]`, `weight` `[1, cols]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn rms_norm(
    gpu: &Gpu,
    x: &Tensor,
    weight: &Tensor,
    eps: f32,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    rms_norm_with(gpu.kernels(), x, weight, eps, out)
}

/// [`rms_norm`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn rms_norm_with(
    variant: KernelVariant,
    x: &Tensor,
    weight: &Tensor,
    eps: f32,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = all_f32(&[x, weight, out])
        && x.cols() == weight.cols()
        && x.cols() == out.cols()
        && x.rows() == out.rows();
    expect("rms_norm", fits, || {
        format!("x {x:?}, weight {weight:?} and out {out:?} must agree")
    })?;
    let (workgroups, constants) = shared_rows(variant, [x.rows(), x.cols()]);
    let dispatch = call(
        "rms_norm",
        variant.name(),
        &NormParams::new(x, eps),
        vec![Binding::read(x), Binding::read(weight), Binding::write(out)],
        workgroups,
        Work {
            flops: 4.0 * (x.rows() * x.cols()) as f64,
            bytes: traffic(&[x, out]),
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
