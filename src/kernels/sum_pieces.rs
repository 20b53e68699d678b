//! Joins the pieces of a matrix product whose inner dimension was cut.

use crate::gpu::{Binding, DType, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, matmul::product::Matmul, traffic, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    m: u32,
    width4: u32,
    count: u32,
    out_stride: u32,
    residual_stride: u32,
    out_row: u32,
    residual_row: u32,
    out_col: u32,
    scale: f32,
    up_bias: u32,
}

/// `out = activation(scale sum_p pieces[p] + bias) + residual`, or what [`Matmul::gated`] says.
///
/// # Shapes
/// `pieces [count m, n]`, `bias [1, n]`, `residual` and `out` `[>= m, >= n]`, all f32; places in them
/// are those of `with`, whose `inner` does not count here. Of a gated product `pieces [count m, 2 n]`, `n` a
/// multiple of 4, and `bias [2, n]`.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn sum_pieces(
    pieces: &Tensor,
    m: usize,
    with: &Matmul<'_>,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let halves = if with.gated { 2 } else { 1 };
    let n = pieces.cols() / halves;
    let fits = |tensor: &Tensor, row: usize| {
        tensor.dtype() == DType::F32
            && row + m <= tensor.rows()
            && with.out_col + n <= tensor.cols()
    };
    let all = m > 0
        && all_f32(&[pieces, with.bias.unwrap_or(pieces)])
        && pieces.rows().is_multiple_of(m)
        && with.out_col.is_multiple_of(4)
        && fits(out, with.out_row)
        && with
            .residual
            .is_none_or(|residual| fits(residual, with.residual_row))
        && (!with.gated || pieces.cols().is_multiple_of(8))
        && with
            .bias
            .is_none_or(|bias| bias.rows() >= halves && bias.cols() >= with.out_col + n);
    expect("sum_pieces", all, || {
        format!(
            "pieces {pieces:?} of {m} rows, bias {:?} and residual {:?} do not fit out {out:?}",
            with.bias, with.residual
        )
    })?;
    let width4 = pieces.stride() / 4 / halves;
    let mut dispatch = call(
        "sum_pieces",
        "main",
        &Params {
            m: u32_of(m),
            width4: u32_of(width4),
            count: u32_of(pieces.rows() / m),
            out_stride: u32_of(out.stride() / 4),
            residual_stride: u32_of(with.residual.map_or(0, Tensor::stride) / 4),
            out_row: u32_of(with.out_row),
            residual_row: u32_of(with.residual_row),
            out_col: u32_of(with.out_col / 4),
            scale: with.scale,
            up_bias: u32_of(with.up_bias() / 4),
        },
        // A missing operand is bound to the pieces, which nothing reads through that name.
        vec![
            Binding::read(pieces),
            Binding::read(with.bias.unwrap_or(pieces)),
            Binding::read(with.residual.unwrap_or(pieces)),
            Binding::write(out),
        ],
        folded(m * width4, 64),
        Work {
            flops: pieces.rows() as f64 * pieces.cols() as f64,
            bytes: traffic(&[pieces, out]),
        },
    );
    dispatch.constants = with.constants().to_vec();
    let accumulate = f64::from(u8::from(with.accumulate));
    dispatch.constants.push(("ACCUMULATE", accumulate));
    Ok(dispatch)
}
