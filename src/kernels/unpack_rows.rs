//! Rows of a matrix as f32.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, groups_of_16_bytes, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    first: u32,
    rows: u32,
    cols: u32,
    width4: u32,
    b_stride: u32,
    together: u32,
    skipped: u32,
}

/// `out[i] = b[first + i]`.
///
/// # Shapes
/// `b [>= first + rows, cols]` in any type of numbers, `out [rows, cols]` f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn unpack_rows(b: &Tensor, first: usize, out: &Tensor) -> Result<Dispatch, GpuError> {
    unpacked(b, [first, b.rows()], [out.rows(), 0], out)
}

/// Of a matrix whose rows are those of two matrices, one below the other, the same rows of both, from `first`
/// on: the first half of `out` from the one, the second from the other.
///
/// # Shapes
/// As [`unpack_rows`], with an even number of rows each.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn unpack_halves(b: &Tensor, first: usize, out: &Tensor) -> Result<Dispatch, GpuError> {
    let [half, rows] = [b.rows(), out.rows()].map(|rows| rows / 2);
    let even = b.rows().is_multiple_of(2) && out.rows().is_multiple_of(2) && rows <= half;
    expect("unpack_rows", even, || {
        format!("{b:?} and out {out:?} should have two halves")
    })?;
    unpacked(b, [first, half], [rows, half - rows], out)
}

/// So many rows `together` of the `end` first ones, from `first` on, then so many are `skipped`.
fn unpacked(
    b: &Tensor,
    [first, end]: [usize; 2],
    [together, skipped]: [usize; 2],
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = b.cols() == out.cols()
        && b.dtype() != DType::U32
        && out.dtype() == DType::F32
        && first + together <= end;
    expect("unpack_rows", fits, || {
        format!("rows of {b:?} from row {first} on do not fit out {out:?}")
    })?;
    let width4 = out.stride() / 4;
    let mut dispatch = call(
        "unpack_rows",
        "main",
        &Params {
            first: u32_of(first),
            rows: u32_of(out.rows()),
            cols: u32_of(b.cols()),
            width4: u32_of(width4),
            b_stride: groups_of_16_bytes(b),
            together: u32_of(together),
            skipped: u32_of(skipped),
        },
        vec![Binding::write(out), Binding::read(b)],
        folded(out.rows() * width4.div_ceil(4), 64),
        Work {
            flops: 0.0,
            bytes: traffic(&[out]) + out.rows() as f64 * b.row_bytes() as f64,
        },
    );
    dispatch.constants = vec![("DTYPE", b.dtype().code())];
    Ok(dispatch)
}
