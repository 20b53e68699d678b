//! An affine map of each column.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width4: u32,
    param_row: u32,
}

/// `x[i, j] = factors[param_row, j] x[i, j] + shifts[param_row, j]`, in place.
///
/// # Shapes
/// `x [n, width]`, `factors` and `shifts` `[> param_row, width]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn affine_rows(
    x: &Tensor,
    factors: &Tensor,
    shifts: &Tensor,
    param_row: usize,
) -> Result<Dispatch, GpuError> {
    let fits = x.dtype() == DType::F32
        && [factors, shifts].iter().all(|tensor| {
            tensor.dtype() == DType::F32 && tensor.cols() == x.cols() && param_row < tensor.rows()
        });
    expect("affine_rows", fits, || {
        format!("x {x:?} does not fit row {param_row} of factors {factors:?} and shifts {shifts:?}")
    })?;
    let width4 = x.stride() / 4;
    Ok(call(
        "affine_rows",
        "main",
        &Params {
            rows: u32_of(x.rows()),
            width4: u32_of(width4),
            param_row: u32_of(param_row),
        },
        vec![
            Binding::read(factors),
            Binding::read(shifts),
            Binding::write(x),
        ],
        folded(x.rows() * width4, 64),
        Work {
            flops: 2.0 * (x.rows() * x.cols()) as f64,
            bytes: 2.0 * traffic(&[x]),
        },
    ))
}
