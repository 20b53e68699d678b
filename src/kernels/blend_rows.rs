//! Weighted sums of four rows each.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count: u32,
    rows: u32,
    width4: u32,
}

/// `out[i] = sum of weights[4 i + k] * source[indices[4 i + k]]` over `k` from 0 to 3, as bilinear
/// interpolation takes them from a grid of rows; where one of the four lies beyond `source` the row of
/// `out` stays as it is.
///
/// # Shapes
/// `indices` `[1, 4 * count]` u32, `weights` `[1, 4 * count]`, `source` `[rows, width]` and `out`
/// `[>= count, width]` f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn blend_rows(
    indices: &Tensor,
    weights: &Tensor,
    source: &Tensor,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let count = indices.cols() / 4;
    let fits = indices.rows() == 1
        && indices.dtype() == DType::U32
        && indices.cols() == 4 * count
        && (weights.rows(), weights.cols()) == (1, indices.cols())
        && [weights, source, out]
            .iter()
            .all(|tensor| tensor.dtype() == DType::F32)
        && source.cols() == out.cols()
        && count <= out.rows();
    expect("blend_rows", fits, || {
        format!("indices {indices:?} and weights {weights:?} of {source:?} do not fit out {out:?}")
    })?;
    let width4 = out.stride() / 4;
    Ok(call(
        "blend_rows",
        "main",
        &Params {
            count: u32_of(count),
            rows: u32_of(source.rows()),
            width4: u32_of(width4),
        },
        vec![
            Binding::read(indices),
            Binding::read(weights),
            Binding::read(source),
            Binding::write(out),
        ],
        folded(count * width4, 64),
        Work {
            flops: 7.0 * (count * out.cols()) as f64,
            bytes: (count * width4 * 80) as f64 + traffic(&[indices, weights]),
        },
    ))
}
