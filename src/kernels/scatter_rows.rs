//! Placement of rows by index.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{call, expect, folded, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count: u32,
    source_row: u32,
    rows: u32,
    width4: u32,
}

/// `out[indices[i]] = source[source_row + i]`; indices beyond `out` are left alone.
///
/// # Shapes
/// `indices` `[1, count]` u32 without repeats, `source` `[>= source_row + count, width]` and `out`
/// `[rows, width]` f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn scatter_rows(
    indices: &Tensor,
    source: &Tensor,
    source_row: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let count = indices.cols();
    let fits = indices.rows() == 1
        && indices.dtype() == DType::U32
        && source.cols() == out.cols()
        && source.dtype() == DType::F32
        && out.dtype() == DType::F32
        && source_row + count <= source.rows();
    expect("scatter_rows", fits, || {
        format!("indices {indices:?} from row {source_row} of {source:?} do not fit out {out:?}")
    })?;
    let width4 = out.stride() / 4;
    Ok(call(
        "scatter_rows",
        "main",
        &Params {
            count: u32_of(count),
            source_row: u32_of(source_row),
            rows: u32_of(out.rows()),
            width4: u32_of(width4),
        },
        vec![
            Binding::read(indices),
            Binding::read(source),
            Binding::write(out),
        ],
        folded(count * width4, 64),
        Work {
            flops: 0.0,
            bytes: (count * width4 * 32) as f64,
        },
    ))
}
