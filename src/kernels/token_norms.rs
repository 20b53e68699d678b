//! l2 norms of rows.

use crate::gpu::{Binding, DType, Dispatch, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, shared_rows, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    out_start: u32,
}

/// `out[out_row, i] = ||x[i]||_2`; infinity for a row that holds NaN or an infinity.
///
/// # Shapes
/// `x [n, width]`, `out [> out_row, n]`, both f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn token_norms(
    variant: KernelVariant,
    x: &Tensor,
    out: &Tensor,
    out_row: usize,
) -> Result<Dispatch, GpuError> {
    let fits = x.dtype() == DType::F32 && out.cols() == x.rows() && out_row < out.rows();
    expect("token_norms", fits, || {
        format!("the norms of x {x:?} do not fit row {out_row} of out {out:?}")
    })?;
    let (workgroups, constants) = shared_rows(variant, [x.rows(), x.cols()]);
    let dispatch = call(
        "token_norms",
        variant.name(),
        &Params {
            rows: u32_of(x.rows()),
            cols: u32_of(x.cols()),
            stride: u32_of(x.stride()),
            out_start: u32_of(out_row * out.stride()),
        },
        vec![Binding::read(x), Binding::write(out)],
        workgroups,
        Work {
            flops: 3.0 * (x.rows() * x.cols()) as f64,
            bytes: x.byte_len() as f64,
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
