//! How far rows are from others.

use crate::gpu::{Binding, DType, Dispatch, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, shared_rows, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    zero: u32,
}

/// `out[i] = (||a[i] - b[i]|| / ||a[i]||, <a[i], b[i]> / (||a[i]|| ||b[i]||))`; 0 where a divisor is. The squares
/// have to fit f32.
///
/// # Shapes
/// `a` and `b` `[rows, cols]`, `out [rows, 2]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn row_changes(
    variant: KernelVariant,
    a: &Tensor,
    b: &Tensor,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = [a, b, out]
        .iter()
        .all(|tensor| tensor.dtype() == DType::F32)
        && (a.rows(), a.cols()) == (b.rows(), b.cols())
        && (out.rows(), out.cols()) == (a.rows(), 2);
    expect("row_changes", fits, || {
        format!("a {a:?} and b {b:?} must agree and fit out {out:?}")
    })?;
    let (workgroups, constants) = shared_rows(variant, [a.rows(), a.cols()]);
    let dispatch = call(
        "row_changes",
        variant.name(),
        &Params {
            rows: u32_of(a.rows()),
            cols: u32_of(a.cols()),
            stride: u32_of(a.stride()),
            zero: 0,
        },
        vec![Binding::read(a), Binding::read(b), Binding::write(out)],
        workgroups,
        Work {
            flops: 9.0 * (a.rows() * a.cols()) as f64,
            bytes: traffic(&[a, b]),
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
