//! Adaptive average pooling over a grid of positions.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    side: u32,
    out_side: u32,
    width4: u32,
}

/// The mean of the positions under each position of a square grid of `out_side`: position `i` of a
/// side covers `floor(i side / out_side)` up to, but not including, `ceil((i + 1) side / out_side)`,
/// as PyTorch's `AdaptiveAvgPool2d`.
///
/// # Shapes
/// `x [side^2, channels]`, `out [out_side^2, channels]`, positions row by row, both f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooManyTurns`].
pub fn average_pool(
    gpu: &Gpu,
    x: &Tensor,
    side: usize,
    out: &Tensor,
    out_side: usize,
) -> Result<Dispatch, GpuError> {
    let fits = [(x, side), (out, out_side)].iter().all(|(tensor, side)| {
        tensor.dtype() == DType::F32 && *side > 0 && side.checked_pow(2) == Some(tensor.rows())
    });
    expect("average_pool", fits && x.cols() == out.cols(), || {
        format!("x {x:?} is no grid of {side}, or out {out:?} none of {out_side} and its channels")
    })?;
    // One more where a window begins and ends within a position.
    let window = (side.div_ceil(out_side) + 1).pow(2);
    gpu.check_turns("average_pool", 2 * window)?;
    let width4 = x.stride() / 4;
    Ok(call(
        "average_pool",
        "main",
        &Params {
            side: u32_of(side),
            out_side: u32_of(out_side),
            width4: u32_of(width4),
        },
        vec![Binding::read(x), Binding::write(out)],
        folded(out.rows() * width4, 64),
        Work {
            flops: (x.rows() * x.cols()) as f64,
            bytes: traffic(&[x, out]),
        },
    ))
}
