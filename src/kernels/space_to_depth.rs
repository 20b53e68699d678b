//! Neighboring positions side by side.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    side: u32,
    scale: u32,
    channels: u32,
    x_stride: u32,
    out_stride: u32,
}

/// `out[(i, j)]` is the channels of `x[(scale i + dy, scale j + dx)]` for all `(dy, dx)`, row by row,
/// one after another: fewer and wider positions, the inverse of arXiv 1609.05158 with the channels
/// innermost.
///
/// # Shapes
/// `x [side^2, channels]`, `out [(side / scale)^2, scale^2 channels]`, positions row by row, both f32;
/// `scale` divides `side`.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn space_to_depth(
    x: &Tensor,
    side: usize,
    scale: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = [x, out].iter().all(|tensor| tensor.dtype() == DType::F32)
        && side.checked_pow(2) == Some(x.rows())
        && scale > 0
        && side.is_multiple_of(scale)
        && out.rows() == (side / scale).pow(2)
        && out.cols() == x.cols() * scale.pow(2);
    expect("space_to_depth", fits, || {
        format!("out {out:?} does not take grid {x:?} of {side} in squares of {scale}")
    })?;
    Ok(call(
        "space_to_depth",
        "main",
        &Params {
            side: u32_of(side),
            scale: u32_of(scale),
            channels: u32_of(x.cols()),
            x_stride: u32_of(x.stride()),
            out_stride: u32_of(out.stride()),
        },
        vec![Binding::read(x), Binding::write(out)],
        folded(x.rows() * x.cols(), 64),
        Work {
            flops: 0.0,
            bytes: traffic(&[x, out]),
        },
    ))
}
