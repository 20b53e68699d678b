//! Matrix product with few rows.

use crate::gpu::{Binding, Dispatch, GpuError, KernelVariant, Tensor, Work};

use super::{
    call, expect, folded, groups, groups_of_16_bytes,
    matmul::product::{Matmul, check},
    traffic, u32_of,
};

/// Rows of `a` up to which [`super::matmul::matmul`] chooses this kernel.
pub const MOST_ROWS: usize = 4;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    n: u32,
    k: u32,
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
    residual_stride: u32,
    out_row: u32,
    residual_row: u32,
    out_col: u32,
}

/// `out = activation(a b^T + bias) + residual`, as [`super::matmul::matmul`], reading each row of
/// `b` once per row of `a`; without `inner`, `accumulate` and `scale`.
///
/// # Shapes
/// `a [m, k]` f32, `b [n, k]` in any type of numbers, `bias [1, n]`, `residual` and `out` `[>= m, >= n]`.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn matvec_with(
    variant: KernelVariant,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    expect("matvec", with.is_plain(), || {
        "partial sums, accumulation and scaling are matmul's".into()
    })?;
    check("matvec", a, b, with, out, 0, a.cols())?;
    let (m, n, k) = (a.rows(), b.rows(), a.cols());
    let [x, y, _] = match variant {
        KernelVariant::Tiled => folded(n, 4),
        KernelVariant::Direct => [groups(n, 64), 1, 1],
    };
    let mut dispatch = call(
        "matvec",
        variant.name(),
        &Params {
            n: u32_of(n),
            k: u32_of(k),
            a_stride: u32_of(a.stride() / 4),
            b_stride: groups_of_16_bytes(b),
            out_stride: u32_of(out.stride()),
            residual_stride: u32_of(with.residual.map_or(0, Tensor::stride)),
            out_row: u32_of(with.out_row),
            residual_row: u32_of(with.residual_row),
            out_col: u32_of(with.out_col),
        },
        vec![
            Binding::read(a),
            Binding::read(b),
            Binding::read(with.bias.unwrap_or(a)),
            Binding::read(with.residual.unwrap_or(a)),
            Binding::write(out),
        ],
        [x, y, u32_of(m)],
        Work {
            flops: 2.0 * m as f64 * n as f64 * k as f64,
            bytes: traffic(&[a, b, out]),
        },
    );
    dispatch.constants = vec![
        ("DTYPE", b.dtype().code()),
        ("ACTIVATION", with.activation.code()),
        ("HAS_BIAS", f64::from(u8::from(with.bias.is_some()))),
        ("HAS_RESIDUAL", f64::from(u8::from(with.residual.is_some()))),
    ];
    Ok(dispatch)
}
