//! Dot products of rows.

use crate::gpu::{Binding, DType, Dispatch, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, shared_rows, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    out_row: u32,
}

/// `out[out_row + i] = <a[i], b[i]>`.
///
/// # Shapes
/// `a` and `b` `[rows, cols]`, `out [>= out_row + rows, 1]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn row_dots(
    variant: KernelVariant,
    a: &Tensor,
    b: &Tensor,
    out: &Tensor,
    out_row: usize,
) -> Result<Dispatch, GpuError> {
    let fits = [a, b, out]
        .iter()
        .all(|tensor| tensor.dtype() == DType::F32)
        && (a.rows(), a.cols()) == (b.rows(), b.cols())
        && out.cols() == 1
        && out_row + a.rows() <= out.rows();
    expect("row_dots", fits, || {
        format!("a {a:?} and b {b:?} must agree and fit out {out:?} at row {out_row}")
    })?;
    let (workgroups, constants) = shared_rows(variant, [a.rows(), a.cols()]);
    let dispatch = call(
        "row_dots",
        variant.name(),
        &Params {
            rows: u32_of(a.rows()),
            cols: u32_of(a.cols()),
            stride: u32_of(a.stride()),
            out_row: u32_of(out_row),
        },
        vec![Binding::read(a), Binding::read(b), Binding::write(out)],
        workgroups,
        Work {
            flops: 2.0 * (a.rows() * a.cols()) as f64,
            bytes: traffic(&[a, b]),
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
