//! Sums of columns, in blocks of rows.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, traffic, u32_of};

/// Rows that one invocation sums; more blocks are summed again.
pub const BLOCK: usize = 32;

/// What is summed.
#[derive(Clone, Copy, Debug)]
pub struct ColumnSums<'a> {
    /// A row of a tensor that is subtracted from each row first.
    pub shift: Option<(&'a Tensor, usize)>,
    /// Sums the squares.
    pub square: bool,
    /// Factor of the sum.
    pub factor: f32,
}

impl Default for ColumnSums<'_> {
    fn default() -> Self {
        Self {
            shift: None,
            square: false,
            factor: 1.0,
        }
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width4: u32,
    block: u32,
    blocks: u32,
    out_row: u32,
    shift_row: u32,
    factor: f32,
    zero: u32,
}

/// One level: `out[out_row + b] = factor * sum over the rows of block b`, [`BLOCK`] rows each.
///
/// # Shapes
/// `x [rows, width]`, `shift` and `out` of the same width, `out` with `ceil(rows / 32)` rows from
/// `out_row` on; all f32. What stands in the padding is summed too and stays in the padding.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn column_sums(
    x: &Tensor,
    what: &ColumnSums<'_>,
    out: &Tensor,
    out_row: usize,
) -> Result<Dispatch, GpuError> {
    let blocks = x.rows().div_ceil(BLOCK);
    // A missing shift is bound to `x`, which nothing reads through that name.
    let (shift, shift_row) = what.shift.unwrap_or((x, 0));
    let fits = all_f32(&[x, shift, out])
        && out.cols() == x.cols()
        && out_row + blocks <= out.rows()
        && what
            .shift
            .is_none_or(|(shift, row)| shift.cols() == x.cols() && row < shift.rows());
    expect("column_sums", fits, || {
        format!(
            "{blocks} rows of sums of x {x:?} do not fit out {out:?} at row {out_row}, or shift is not within {:?}",
            what.shift
        )
    })?;
    let width4 = x.stride() / 4;
    let mut dispatch = call(
        "column_sums",
        "main",
        &Params {
            rows: u32_of(x.rows()),
            width4: u32_of(width4),
            block: u32_of(BLOCK),
            blocks: u32_of(blocks),
            out_row: u32_of(out_row),
            shift_row: u32_of(shift_row),
            factor: what.factor,
            zero: 0,
        },
        vec![Binding::read(x), Binding::read(shift), Binding::write(out)],
        folded(blocks * width4, 64),
        Work {
            flops: 3.0 * (x.rows() * x.cols()) as f64,
            bytes: traffic(&[x]),
        },
    );
    dispatch.constants = vec![
        ("HAS_SHIFT", f64::from(u8::from(what.shift.is_some()))),
        ("SQUARE", f64::from(u8::from(what.square))),
    ];
    Ok(dispatch)
}

/// All levels: `out[out_row] = factor * sum over all rows`, as a tree.
///
/// # Shapes
/// As [`column_sums`], with one row of `out`.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooLarge`] where the sums between do not fit.
pub fn column_totals(
    gpu: &Gpu,
    x: &Tensor,
    what: &ColumnSums<'_>,
    out: &Tensor,
    out_row: usize,
) -> Result<Vec<Dispatch>, GpuError> {
    let mut dispatches = Vec::new();
    let mut source = x.clone();
    let mut what = *what;
    while source.rows() > BLOCK {
        let blocks = source.rows().div_ceil(BLOCK);
        let sums = gpu.tensor(DType::F32, blocks, x.cols())?;
        let level = ColumnSums {
            factor: 1.0,
            ..what
        };
        dispatches.push(column_sums(&source, &level, &sums, 0)?);
        what = ColumnSums {
            shift: None,
            square: false,
            ..what
        };
        source = sums;
    }
    dispatches.push(column_sums(&source, &what, out, out_row)?);
    Ok(dispatches)
}
