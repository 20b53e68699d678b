//! Largest values of rows.

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

/// `out[out_row + i] = max_j x[i, j]`, of finite numbers.
///
/// # Shapes
/// `x [rows, cols]`, `out [>= out_row + rows, 1]`, both f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn row_maxima(
    variant: KernelVariant,
    x: &Tensor,
    out: &Tensor,
    out_row: usize,
) -> Result<Dispatch, GpuError> {
    let fits = [x, out].iter().all(|tensor| tensor.dtype() == DType::F32)
        && x.cols() > 0
        && out.cols() == 1
        && out_row + x.rows() <= out.rows();
    expect("row_maxima", fits, || {
        format!("the maxima of x {x:?} do not fit out {out:?} at row {out_row}")
    })?;
    let (workgroups, constants) = shared_rows(variant, [x.rows(), x.cols()]);
    let dispatch = call(
        "row_maxima",
        variant.name(),
        &Params {
            rows: u32_of(x.rows()),
            cols: u32_of(x.cols()),
            stride: u32_of(x.stride()),
            out_row: u32_of(out_row),
        },
        vec![Binding::read(x), Binding::write(out)],
        workgroups,
        Work {
            flops: (x.rows() * x.cols()) as f64,
            bytes: traffic(&[x]),
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
