//! How many values of each column fall into which bin.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{call, expect, groups, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    x_stride: u32,
    layer: u32,
    bins: u32,
    zero: u32,
}

/// `bins[b, j] += 1` for each value of column `j` of the first `rows` rows of `x`, where `b = floor((1 + t / (1 +
/// |t|)) * half the number of bins)` for `t = (x - centers[layer, j]) * inverse[layer, j]`: bins are narrow near
/// the center, and the last ones reach to infinity. NaN and the infinities are not counted.
///
/// # Shapes
/// `x [>= rows, width]`, `centers` and `inverse` `[> layer, width]`, `bins [2.., width]`, all f32; counts are exact up
/// to 2^24.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooManyTurns`].
pub fn count_bins(
    gpu: &Gpu,
    (x, rows): (&Tensor, usize),
    centers: &Tensor,
    inverse: &Tensor,
    layer: usize,
    bins: &Tensor,
) -> Result<Dispatch, GpuError> {
    gpu.check_turns("count_bins", rows)?;
    let each = |tensor: &Tensor| tensor.dtype() == DType::F32 && tensor.cols() == x.cols();
    let fits = [x, centers, inverse, bins].into_iter().all(each)
        && rows <= x.rows()
        && layer < centers.rows().min(inverse.rows())
        && bins.rows() >= 2;
    expect("count_bins", fits, || {
        format!(
            "{rows} rows of x {x:?}, row {layer} of centers {centers:?} and inverse {inverse:?}, and bins {bins:?} do not fit"
        )
    })?;
    Ok(call(
        "count_bins",
        "main",
        &Params {
            rows: u32_of(rows),
            cols: u32_of(x.cols()),
            x_stride: u32_of(x.stride()),
            layer: u32_of(layer),
            bins: u32_of(bins.rows()),
            zero: 0,
        },
        vec![
            Binding::read(x),
            Binding::read(centers),
            Binding::read(inverse),
            Binding::write(bins),
        ],
        [groups(x.cols(), 64), 1, 1],
        Work {
            flops: 3.0 * (rows * x.cols()) as f64,
            bytes: 12.0 * (rows * x.cols()) as f64,
        },
    ))
}
