//! Matrix product with fused bias, activation and residual.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{
    Part, call, expect, groups, groups_of_16_bytes, matvec, parts,
    sum_pieces::sum_pieces,
    traffic, u32_of,
    unpack_rows::{unpack_halves, unpack_rows},
};

mod packed;
mod plan;
pub(super) mod product;

pub use packed::Packed;
pub use plan::{Plan, Tile, plan, plan_symmetric};
pub use product::Matmul;
use product::check;

/// Depth of a tile: pieces of the inner dimension are whole tiles.
const DEPTH: usize = 32;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    m: u32,
    n: u32,
    k: u32,
    k_begin: u32,
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
    residual_stride: u32,
    out_row: u32,
    residual_row: u32,
    out_col: u32,
    scale: f32,
    piece: u32,
    first_x: u32,
    first_y: u32,
    up_bias: u32,
}

/// `out = activation(scale a b^T + bias) + residual`, or what [`Matmul::gated`] says; few rows go to [`matvec`]. One dispatch, several where
/// one would take too long (see [`Gpu::most_flops`]), and one more where the inner dimension is cut into
/// pieces that run side by side (split-K). Blocks of quantized weights are unpacked before.
///
/// # Shapes
/// `a [m, k]` f32, `b [n, k]` in any type of numbers (a PyTorch `Linear.weight`), `bias [1, n]`,
/// `residual` and `out` `[>= m, >= n]` f32; these two as [`Packed`] has it where half of the result is kept. Of a gated
/// product `b [2 n, k]` and `bias [2, n]`.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooLarge`] where pieces do not fit.
pub fn matmul(
    gpu: &Gpu,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    let rows = with.planned_rows.unwrap_or(a.rows());
    if with.is_plain() && matvec::serves(gpu, rows, b) {
        return Ok(vec![matvec::matvec_with(gpu.kernels(), a, b, with, out)?]);
    }
    if b.dtype().is_quantized() {
        return unpacked(gpu, a, b, with, out);
    }
    let k = with.inner.map_or(a.cols(), |(_, count)| count);
    let plan = if with.is_half() {
        plan_symmetric(gpu, a.rows(), k)
    } else {
        plan(gpu, rows, b.rows(), k)
    };
    matmul_with(gpu, plan, a, b, with, out)
}

/// Bytes of working memory for what is unpacked, and the rows of a piece that it has to hold.
const UNPACKED_BYTES: u64 = 32 << 20;
const FEWEST_UNPACKED: usize = 4;

/// [`matmul`] with blocks of quantized weights: piece by piece they become f32, so that many rows of `a`
/// meet each of them decoded.
fn unpacked(
    gpu: &Gpu,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    expect("matmul", !with.is_half(), || {
        format!("{b:?} is quantized, and its product cannot be symmetric")
    })?;
    let row = DType::F32.row_bytes(b.cols()).max(1);
    let most = usize::try_from(UNPACKED_BYTES / row).unwrap_or(usize::MAX);
    // Of a gated product each piece has the same rows of both halves.
    let halves = if with.gated { 2 } else { 1 };
    let most = (most / halves / FEWEST_UNPACKED * FEWEST_UNPACKED).max(FEWEST_UNPACKED);
    let memory = gpu.tensor(DType::F32, (halves * most).min(b.rows()), b.cols())?;
    let mut calls = Vec::new();
    let all = with.columns(b);
    for first in (0..all).step_by(most) {
        let rows = most.min(all - first);
        let Some(piece) = memory.reshaped(halves * rows, b.cols()) else {
            continue;
        };
        let with = Matmul {
            out_col: with.out_col + first,
            ..*with
        };
        calls.push(match with.gated {
            false => unpack_rows(b, first, &piece)?,
            true => unpack_halves(b, first, &piece)?,
        });
        calls.extend(matmul(gpu, a, &piece, &with, out)?);
    }
    Ok(calls)
}

/// [`matmul`] by a given plan; `b` is not quantized.
///
/// # Errors
/// As [`matmul`].
pub fn matmul_with(
    gpu: &Gpu,
    plan: Plan,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    let (m, n) = (a.rows(), with.columns(b));
    let (begin, k) = with.inner.unwrap_or((0, a.cols()));
    check("matmul", a, b, with, out, begin, k)?;
    expect("matmul", !b.dtype().is_quantized(), || {
        format!("b {b:?} has to be unpacked first")
    })?;
    let can_be_symmetric = with.bias.is_none() && plan.tile.is_square() && m == n;
    let is_of_one = a.is(b) || !with.symmetric;
    expect(
        "matmul",
        is_of_one && can_be_symmetric || !with.is_half(),
        || {
            format!(
                "[{m}, {n}] by {plan:?} cannot be symmetric: it takes a square result, a square tile, no bias and, \
             unless half of it is kept, one matrix twice"
            )
        },
    )?;
    // What joins the pieces of a gated product reads groups of four columns of either half.
    let whole = with.gated && !n.is_multiple_of(4);
    let (piece, pieces) = match whole {
        true => (k.next_multiple_of(DEPTH), 1),
        false => plan.cut(k),
    };
    let tile = match plan.tile {
        Tile::Direct128 | Tile::DirectWide if !k.is_multiple_of(4) => Tile::Direct,
        tile => tile,
    };
    if pieces == 1 {
        return Ok(product(gpu, tile, a, b, with, out, (piece, 1)));
    }
    let [rows, cols] = with.shape(m, b.rows());
    let partial = gpu.tensor(DType::F32, pieces * rows, cols)?;
    let bare = Matmul {
        inner: with.inner,
        symmetric: with.symmetric,
        packed: with.packed,
        ..Matmul::default()
    };
    let mut calls = product(gpu, tile, a, b, &bare, &partial, (piece, pieces));
    calls.push(sum_pieces(&partial, rows, with, out)?);
    Ok(calls)
}

/// `a b^T` for a kernel that joins what it reads: where [`matmul`] would cut the inner dimension, the sums of each
/// piece `[pieces m, n]`, one below the other, and the calls that make them; else none. `planned_rows` as in [`Matmul`].
///
/// # Errors
/// As [`matmul`].
pub fn matmul_pieces(
    gpu: &Gpu,
    a: &Tensor,
    b: &Tensor,
    planned_rows: Option<usize>,
) -> Result<Option<(Vec<Dispatch>, Tensor)>, GpuError> {
    let (m, n, k) = (a.rows(), b.rows(), a.cols());
    let rows = planned_rows.unwrap_or(m);
    if matvec::serves(gpu, rows, b) || b.dtype().is_quantized() {
        return Ok(None);
    }
    let plan = plan(gpu, rows, n, k);
    let (piece, pieces) = plan.cut(k);
    if pieces == 1 {
        return Ok(None);
    }
    let sums = gpu.tensor(DType::F32, pieces * m, n)?;
    let bare = Matmul::default();
    check("matmul", a, b, &bare, &sums, 0, k)?;
    let calls = product(gpu, plan.tile, a, b, &bare, &sums, (piece, pieces));
    Ok(Some((calls, sums)))
}

/// The product itself, in `pieces` of `piece` elements of the inner dimension; shapes are checked.
fn product(
    gpu: &Gpu,
    tile: Tile,
    a: &Tensor,
    b: &Tensor,
    with: &Matmul<'_>,
    out: &Tensor,
    (piece, pieces): (usize, usize),
) -> Vec<Dispatch> {
    let (m, n) = (a.rows(), with.columns(b));
    let (begin, k) = with.inner.unwrap_or((0, a.cols()));
    let [rows, cols] = tile.size();
    let params = |part: &Part| Params {
        m: u32_of(m),
        n: u32_of(n),
        k: u32_of(k),
        k_begin: u32_of(begin),
        a_stride: groups_of_16_bytes(a),
        b_stride: groups_of_16_bytes(b),
        out_stride: groups_of_16_bytes(out),
        residual_stride: with.residual.map_or(0, groups_of_16_bytes),
        out_row: u32_of(with.out_row),
        residual_row: u32_of(with.residual_row),
        out_col: u32_of(with.out_col / 4),
        scale: with.scale,
        piece: u32_of(piece),
        first_x: part.begin[0],
        first_y: part.begin[1],
        up_bias: u32_of(with.up_bias() / 4),
    };
    // A missing operand is bound to `a`, which nothing reads through that name.
    let bindings = vec![
        Binding::read(a),
        Binding::read(b),
        Binding::read(with.bias.unwrap_or(a)),
        Binding::read(with.residual.unwrap_or(a)),
        Binding::write(out),
    ];
    let (mut across, mut down) = (groups(b.rows(), cols), groups(m, rows));
    let mut elements = m * b.rows();
    if with.is_half() {
        (across, down) = match tile {
            // Blocks one after the other (`block_of`).
            Tile::Direct128 => (u32_of(tile.groups_of_half(m)), 1),
            // The rectangle that `tile_of` folds the tiles from the diagonal on into.
            _ => (across | 1, down.div_ceil(2)),
        };
        elements = m * (m + 1) / 2;
    }
    let mut constants = with.constants().to_vec();
    constants.extend([
        ("DTYPE", b.dtype().code()),
        ("ACCUMULATE", f64::from(u8::from(with.accumulate))),
        ("SYMMETRIC", f64::from(u8::from(with.symmetric))),
        ("PACKED", f64::from(u8::from(with.packed))),
    ]);
    match tile {
        Tile::Tiled128 => constants.push(("LINES", rows as f64)),
        Tile::Tiled64 | Tile::Tiled32 => constants.push(("TILE_ROWS", rows as f64)),
        Tile::Direct128 if with.is_half() => constants.push(("GROUP_ROWS", plan::HALF_ROWS as f64)),
        Tile::DirectRows => {
            let is_ragged = !k.is_multiple_of(4);
            constants.push(("RAGGED", f64::from(u8::from(is_ragged))));
        }
        Tile::Direct | Tile::Direct128 | Tile::DirectWide => {}
    }
    let flops = 2.0 * elements as f64 * k as f64;
    parts([across, down], flops, gpu.most_flops())
        .iter()
        .map(|part| Dispatch {
            constants: constants.clone(),
            ..call(
                "matmul",
                tile.entry(),
                &params(part),
                bindings.clone(),
                [part.size[0], part.size[1], u32_of(pieces)],
                Work {
                    flops: part.share * flops,
                    bytes: part.share * traffic(&[a, b, out]),
                },
            )
        })
        .collect()
}
