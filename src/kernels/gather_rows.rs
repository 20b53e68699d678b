//! Selection of rows by index.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, groups_of_16_bytes, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count: u32,
    first: u32,
    rows: u32,
    cols: u32,
    width4: u32,
    b_stride: u32,
    out_row: u32,
}

/// `out[out_row + i] = source[indices[i] - first]` for those indices that lie in
/// `first..first + source.rows()`; other rows of `out` stay as they are.
///
/// With a table split by rows, one call per piece fills `out`.
///
/// # Shapes
/// `indices` `[1, count]` u32, `source` `[rows, width]` in any type of numbers, `out` `[>= out_row +
/// count, width]` f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn gather_rows(
    indices: &Tensor,
    source: &Tensor,
    first: usize,
    out: &Tensor,
    out_row: usize,
) -> Result<Dispatch, GpuError> {
    let count = indices.cols();
    let fits = indices.rows() == 1
        && indices.dtype() == DType::U32
        && source.dtype() != DType::U32
        && source.cols() == out.cols()
        && out.dtype() == DType::F32
        && out_row + count <= out.rows();
    expect("gather_rows", fits, || {
        format!("indices {indices:?} of source {source:?} do not fit out {out:?} at row {out_row}")
    })?;
    let width4 = out.stride() / 4;
    let mut dispatch = call(
        "gather_rows",
        "main",
        &Params {
            count: u32_of(count),
            first: u32_of(first),
            rows: u32_of(source.rows()),
            cols: u32_of(source.cols()),
            width4: u32_of(width4),
            b_stride: groups_of_16_bytes(source),
            out_row: u32_of(out_row),
        },
        vec![
            Binding::read(indices),
            Binding::read(source),
            Binding::write(out),
        ],
        folded(count * width4.div_ceil(2), 64),
        Work {
            flops: 0.0,
            bytes: 2.0 * traffic(&[out]),
        },
    );
    dispatch.constants = vec![("DTYPE", source.dtype().code())];
    Ok(dispatch)
}
