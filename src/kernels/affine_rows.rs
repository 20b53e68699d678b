//! An affine map of each column.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width4: u32,
    param_row: u32,
    x_rows: u32,
}

/// `x[i, j] = factors[param_row, j] x[i, j] + shifts[param_row, j]`, in place, for all rows `i` or for
/// those in `indices`; indices beyond `x` are left alone.
///
/// # Shapes
/// `x [n, width]`, `factors` and `shifts` `[> param_row, width]`, all f32; `indices` `[1, count]` u32
/// without repeats.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn affine_rows(
    x: &Tensor,
    factors: &Tensor,
    shifts: &Tensor,
    param_row: usize,
    indices: Option<&Tensor>,
) -> Result<Dispatch, GpuError> {
    let fits = x.dtype() == DType::F32
        && [factors, shifts].iter().all(|tensor| {
            tensor.dtype() == DType::F32 && tensor.cols() == x.cols() && param_row < tensor.rows()
        })
        && indices.is_none_or(|indices| indices.rows() == 1 && indices.dtype() == DType::U32);
    expect("affine_rows", fits, || {
        format!(
            "x {x:?} does not fit row {param_row} of factors {factors:?} and shifts {shifts:?}, or {indices:?} are no indices"
        )
    })?;
    let rows = indices.map_or(x.rows(), Tensor::cols);
    let width4 = x.stride() / 4;
    // Missing indices are bound to `factors`, which nothing reads through that name.
    let mut dispatch = call(
        "affine_rows",
        "main",
        &Params {
            rows: u32_of(rows),
            width4: u32_of(width4),
            param_row: u32_of(param_row),
            x_rows: u32_of(x.rows()),
        },
        vec![
            Binding::read(factors),
            Binding::read(shifts),
            Binding::read(indices.unwrap_or(factors)),
            Binding::write(x),
        ],
        folded(rows * width4, 64),
        Work {
            flops: 2.0 * (rows * x.cols()) as f64,
            bytes: 32.0 * (rows * width4) as f64,
        },
    );
    dispatch.constants = vec![("HAS_INDICES", f64::from(u8::from(indices.is_some())))];
    Ok(dispatch)
}
