//! Rotary position embedding.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    tokens: u32,
    heads: u32,
    head_dim: u32,
    stride: u32,
    table_stride: u32,
}

/// Rotates `x` in place by the angles in `table` (RoFormer, arXiv 2104.09864, with the half-split
/// pairs of `rotate_half`).
///
/// # Shapes
/// `x` `[tokens, heads * head_dim]`; `table` `[>= tokens, head_dim]`: cosines of the `head_dim / 2`
/// angles, then their sines; both f32; `head_dim` even.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn rotary(x: &Tensor, table: &Tensor, head_dim: usize) -> Result<Dispatch, GpuError> {
    let fits = head_dim > 0 && head_dim.is_multiple_of(2) && x.cols().is_multiple_of(head_dim);
    expect(
        "rotary",
        fits && all_f32(&[x, table]) && table.cols() == head_dim && table.rows() >= x.rows(),
        || format!("x {x:?} and table {table:?} do not fit head_dim {head_dim}"),
    )?;
    let pairs = x.rows() * x.cols() / 2;
    Ok(call(
        "rotary",
        "main",
        &Params {
            tokens: u32_of(x.rows()),
            heads: u32_of(x.cols() / head_dim),
            head_dim: u32_of(head_dim),
            stride: u32_of(x.stride()),
            table_stride: u32_of(table.stride()),
        },
        vec![Binding::read(table), Binding::write(x)],
        folded(pairs, 64),
        Work {
            flops: 6.0 * pairs as f64,
            bytes: 16.0 * pairs as f64,
        },
    ))
}
