//! Entropies of rows of logits.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, rows_grid, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    out_stride: u32,
}

/// `out[i] = H(softmax(logits[i]))` in nats. Logits that are not finite never count.
///
/// # Shapes
/// `logits [rows, vocab]`, `out [rows, 1]`, both f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooManyTurns`].
pub fn row_entropies(gpu: &Gpu, logits: &Tensor, out: &Tensor) -> Result<Dispatch, GpuError> {
    // 64 lanes go through a row twice, the second time in blocks.
    gpu.check_turns("row_entropies", 3 * logits.cols().div_ceil(64))?;
    let fits = [logits, out].iter().all(|t| t.dtype() == DType::F32)
        && logits.cols() > 0
        && [out.rows(), out.cols()] == [logits.rows(), 1];
    expect("row_entropies", fits, || {
        format!("the entropies of logits {logits:?} do not fit out {out:?}")
    })?;
    Ok(call(
        "row_entropies",
        "main",
        &Params {
            rows: u32_of(logits.rows()),
            cols: u32_of(logits.cols()),
            stride: u32_of(logits.stride()),
            out_stride: u32_of(out.stride()),
        },
        vec![Binding::read(logits), Binding::write(out)],
        rows_grid(KernelVariant::Tiled, logits.rows()),
        Work {
            flops: 8.0 * (logits.rows() * logits.cols()) as f64,
            bytes: 2.0 * traffic(&[logits]),
        },
    ))
}
