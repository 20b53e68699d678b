//! Sums of rows.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width4: u32,
    x_row: u32,
}

/// `out[i] = x[x_row + i] + y[i]`.
///
/// # Shapes
/// `x [>= x_row + rows, width]`, `y` and `out` `[rows, width]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn add_rows(x: &Tensor, x_row: usize, y: &Tensor, out: &Tensor) -> Result<Dispatch, GpuError> {
    let (rows, width) = (y.rows(), y.cols());
    let fits = [x, y, out]
        .iter()
        .all(|tensor| tensor.dtype() == DType::F32 && tensor.cols() == width)
        && out.rows() == rows
        && x_row + rows <= x.rows();
    expect("add_rows", fits, || {
        format!("x {x:?} from row {x_row}, y {y:?} and out {out:?} must agree")
    })?;
    let width4 = y.stride() / 4;
    Ok(call(
        "add_rows",
        "main",
        &Params {
            rows: u32_of(rows),
            width4: u32_of(width4),
            x_row: u32_of(x_row),
        },
        vec![Binding::read(x), Binding::read(y), Binding::write(out)],
        folded(rows * width4, 64),
        Work {
            flops: (rows * width) as f64,
            bytes: 3.0 * traffic(&[out]),
        },
    ))
}
