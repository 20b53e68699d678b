//! Rows in two parts, for Gram matrices beyond the accuracy of f32.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, groups, traffic, u32_of};

/// The parts, transposed: each `[cols, rows]`.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Rounded to the column's grid: the Gram matrix of this part is exact in f32.
    pub high: Tensor,
    /// `high + low / 2`.
    pub mixed: Tensor,
    /// `x - high`, exactly.
    pub low: Tensor,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    row_begin: u32,
    x_stride: u32,
    out_stride: u32,
    square_row: u32,
}

/// Splits the rows of `x` from `row_begin` on, as many as the parts have columns, so that
/// `x^T x = high^T high + M + M^T` with `M = mixed^T low`.
///
/// The grid of a column is the smallest power of two for which `squares[square_row]`, the sum of
/// squares of the whole column, is at most 2^23 squared grid units.
///
/// # Shapes
/// `x [>= row_begin + rows, cols]`, `squares [> square_row, cols]`, the parts `[cols, rows]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn split_rows(
    x: &Tensor,
    row_begin: usize,
    squares: &Tensor,
    square_row: usize,
    parts: &Parts,
) -> Result<Dispatch, GpuError> {
    let Parts { high, mixed, low } = parts;
    let rows = high.cols();
    let fits = [high, mixed, low]
        .iter()
        .all(|part| part.rows() == x.cols() && part.cols() == rows)
        && all_f32(&[x, squares, high, mixed, low])
        && row_begin + rows <= x.rows()
        && squares.cols() == x.cols()
        && square_row < squares.rows();
    expect("split_rows", fits, || {
        format!(
            "{parts:?} are no parts of x {x:?} from row {row_begin}, or row {square_row} is not in squares {squares:?}"
        )
    })?;
    Ok(call(
        "split_rows",
        "main",
        &Params {
            rows: u32_of(rows),
            cols: u32_of(x.cols()),
            row_begin: u32_of(row_begin),
            x_stride: u32_of(x.stride() / 4),
            out_stride: u32_of(high.stride() / 4),
            square_row: u32_of(square_row),
        },
        vec![
            Binding::read(x),
            Binding::read(squares),
            Binding::write(high),
            Binding::write(mixed),
            Binding::write(low),
        ],
        [groups(x.cols(), 32), groups(rows, 32), 1],
        Work {
            flops: 0.0,
            bytes: 4.0 * traffic(&[high]),
        },
    ))
}
