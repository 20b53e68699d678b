//! Transposition.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, groups, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    row_begin: u32,
    x_stride: u32,
    out_stride: u32,
}

/// `out[c, r] = x[row_begin + r, c]` for as many rows as `out` has columns.
///
/// # Shapes
/// `x [>= row_begin + rows, cols]`, `out [cols, rows]`, both f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn transpose(x: &Tensor, row_begin: usize, out: &Tensor) -> Result<Dispatch, GpuError> {
    let rows = out.cols();
    let fits = x.dtype() == DType::F32
        && out.dtype() == DType::F32
        && out.rows() == x.cols()
        && row_begin + rows <= x.rows();
    expect("transpose", fits, || {
        format!("out {out:?} is no transpose of x {x:?} from row {row_begin}")
    })?;
    Ok(call(
        "transpose",
        "main",
        &Params {
            rows: u32_of(rows),
            cols: u32_of(x.cols()),
            row_begin: u32_of(row_begin),
            x_stride: u32_of(x.stride() / 4),
            out_stride: u32_of(out.stride() / 4),
        },
        vec![Binding::read(x), Binding::write(out)],
        [groups(x.cols(), 32), groups(rows, 32), 1],
        Work {
            flops: 0.0,
            bytes: 2.0 * traffic(&[out]),
        },
    ))
}
