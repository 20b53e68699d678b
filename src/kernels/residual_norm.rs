//! The end of a layer's half, and the norm that begins the next.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{call, expect, shared_rows, traffic, u32_of};

/// What surrounds the sum.
#[derive(Clone, Copy, Debug)]
pub struct ResidualNorm<'a> {
    /// Added to each row: `[1, cols]`.
    pub bias: Option<&'a Tensor>,
    /// Factors of a norm, `[1, cols]`, before the residual is added, and what is added to its mean square.
    pub behind: Option<(&'a Tensor, f32)>,
    /// Added then: `[rows, cols]`.
    pub residual: &'a Tensor,
    /// Factors of the norm that follows, `[1, cols]`, what is added to its mean square, and its result, `[rows, cols]`.
    pub next: Option<(&'a Tensor, f32, &'a Tensor)>,
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    count: u32,
    eps_behind: f32,
    eps_next: f32,
}

/// `out = residual + y` with `y = bias + sum_p pieces[p]`, which is normed before where `with` says so; and the norm
/// that follows (both by the root mean square, row by row; arXiv 1910.07467).
///
/// # Shapes
/// `pieces [count rows, cols]`, `out [rows, cols]`, f32.
///
/// # Errors
/// [`GpuError::Shape`]; that no room is left.
pub fn residual_norm(
    gpu: &Gpu,
    pieces: &Tensor,
    with: &ResidualNorm<'_>,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let variant = gpu.kernels();
    let (rows, cols) = (out.rows(), out.cols());
    let is = |tensor: &Tensor, rows: usize| {
        tensor.dtype() == DType::F32 && [tensor.rows(), tensor.cols()] == [rows, cols]
    };
    let vectors = [
        with.bias,
        with.behind.map(|(weight, _)| weight),
        with.next.map(|(weight, _, _)| weight),
    ];
    let fits = rows > 0
        && pieces.rows().is_multiple_of(rows)
        && is(pieces, pieces.rows())
        && is(out, rows)
        && is(with.residual, rows)
        && vectors.iter().flatten().all(|vector| is(vector, 1))
        && with.next.is_none_or(|(_, _, normed)| is(normed, rows));
    expect("residual_norm", fits, || {
        format!("pieces {pieces:?} and out {out:?} do not fit {with:?}")
    })?;
    let (workgroups, mut constants) = shared_rows(variant, [rows, cols]);
    let flag = |flag: bool| f64::from(u8::from(flag));
    constants.extend([
        ("HAS_BIAS", flag(with.bias.is_some())),
        ("BEHIND", flag(with.behind.is_some())),
        ("NEXT", flag(with.next.is_some())),
    ]);
    // A missing operand is bound to the pieces, which nothing reads through that name, and a missing result to a
    // tensor of its own, for what is written may not be bound twice.
    let [bias, behind, next] = vectors.map(|vector| Binding::read(vector.unwrap_or(pieces)));
    let normed = match with.next {
        Some((_, _, normed)) => Binding::write(normed),
        None => Binding::write(&gpu.tensor(DType::F32, 1, 4)?),
    };
    let dispatch = call(
        "residual_norm",
        variant.name(),
        &Params {
            rows: u32_of(rows),
            cols: u32_of(cols),
            stride: u32_of(out.stride() / 4),
            count: u32_of(pieces.rows() / rows),
            eps_behind: with.behind.map_or(0.0, |(_, eps)| eps),
            eps_next: with.next.map_or(0.0, |(_, eps, _)| eps),
        },
        vec![
            Binding::read(pieces),
            bias,
            Binding::read(with.residual),
            behind,
            next,
            Binding::write(out),
            normed,
        ],
        workgroups,
        Work {
            flops: (pieces.rows() * cols) as f64 + 8.0 * (rows * cols) as f64,
            bytes: traffic(&[pieces, out, out, out]),
        },
    );
    Ok(Dispatch {
        constants,
        ..dispatch
    })
}
