//! Depthwise convolution over a grid of positions.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    side: u32,
    size: u32,
    width4: u32,
}

/// Each channel of a square grid convolved with its own kernel of `size` x `size`, stride 1, with
/// `size / 2` zeros around the grid: PyTorch's `Conv2d` with as many groups as channels, without bias
/// (arXiv 1704.04861).
///
/// # Shapes
/// `x` and `out` `[side^2, channels]`, positions row by row; `weight [size^2, channels]`, which is
/// PyTorch's `[channels, 1, size, size]` transposed; all f32. `size` is odd.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn depthwise_conv(
    x: &Tensor,
    side: usize,
    weight: &Tensor,
    size: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let is = |tensor: &Tensor, side: usize| {
        tensor.dtype() == DType::F32
            && tensor.cols() == x.cols()
            && side.checked_pow(2) == Some(tensor.rows())
    };
    let fits = !size.is_multiple_of(2) && is(weight, size) && is(x, side) && is(out, side);
    expect("depthwise_conv", fits, || {
        format!(
            "x {x:?} and out {out:?} are no grids of {side}, or weight {weight:?} is none of an odd size {size}"
        )
    })?;
    let width4 = x.stride() / 4;
    Ok(call(
        "depthwise_conv",
        "main",
        &Params {
            side: u32_of(side),
            size: u32_of(size),
            width4: u32_of(width4),
        },
        vec![Binding::read(x), Binding::read(weight), Binding::write(out)],
        folded(x.rows() * width4, 64),
        Work {
            flops: 2.0 * (weight.rows() * x.rows() * x.cols()) as f64,
            bytes: traffic(&[x, weight, out]),
        },
    ))
}
