//! Directions of chosen rows.

use crate::gpu::{Binding, DType, Dispatch, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, shared_rows, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    count: u32,
    rows: u32,
    cols: u32,
    stride: u32,
}

/// `out[i] = x[indices[i]] / ||x[indices[i]]||_2`; a row of zeros stays one.
///
/// # Shapes
/// `indices [1, count]` u32, each below `rows`; `x [rows, width]` and `out [count, width]` f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn unit_rows(
    variant: KernelVariant,
    indices: &Tensor,
    x: &Tensor,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let count = indices.cols();
    let fits = indices.rows() == 1
        && indices.dtype() == DType::U32
        && [x, out].iter().all(|tensor| tensor.dtype() == DType::F32)
        && (out.rows(), out.cols()) == (count, x.cols());
    expect("unit_rows", fits, || {
        format!("indices {indices:?} of x {x:?} do not fit out {out:?}")
    })?;
    let (workgroups, constants) = shared_rows(variant, [count, x.cols()]);
    let dispatch = call(
        "unit_rows",
        variant.name(),
        &Params {
            count: u32_of(count),
            rows: u32_of(x.rows()),
            cols: u32_of(x.cols()),
            stride: u32_of(x.stride()),
        },
        vec![
            Binding::read(indices),
            Binding::read(x),
            Binding::write(out),
        ],
        workgroups,
        Work {
            flops: 5.0 * (count * x.cols()) as f64,
            bytes: 2.0 * traffic(&[out]),
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
