//! The largest logits of each row.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, rows_grid, traffic, u32_of};

/// Most logits that a row gives.
pub const MOST: usize = 8;

/// Longest row: far longer than vocabularies are, short enough for the loops of a software adapter
/// over its pieces; its columns are exact as f32.
const MOST_COLUMNS: usize = 1 << 20;

/// Columns that an invocation of the direct variant takes.
const PIECE: usize = 2048;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    count: u32,
    out_stride: u32,
    piece: u32,
    pieces: u32,
}

/// The `count` largest logits of each row with their columns, and the row's `log sum exp`, for
/// [`TopTokens::from_row`]. Of equal logits the lower column comes first; logits that are not
/// finite never count, padding neither.
///
/// # Shapes
/// `logits` `[rows, vocab]`, `out` `[rows, 2 * count + 1]`, both f32; `count` is at least 1 and at
/// most [`MOST`], `vocab` at most 2^20.
///
/// # Errors
/// [`GpuError::Shape`], or that the results of the pieces do not fit the device.
pub fn top_tokens(
    gpu: &Gpu,
    logits: &Tensor,
    count: usize,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    top_tokens_with(gpu, gpu.kernels(), logits, count, out)
}

/// [`top_tokens`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`], or that the results of the pieces do not fit the device.
pub fn top_tokens_with(
    gpu: &Gpu,
    variant: KernelVariant,
    logits: &Tensor,
    count: usize,
    out: &Tensor,
) -> Result<Vec<Dispatch>, GpuError> {
    let fits = (1..=MOST).contains(&count)
        && logits.cols() <= MOST_COLUMNS
        && [out.rows(), out.cols()] == [logits.rows(), width(count)]
        && [logits, out].iter().all(|t| t.dtype() == DType::F32);
    expect("top_tokens", fits, || {
        format!("logits {logits:?} and out {out:?} do not fit the {count} largest")
    })?;
    let pieces = match variant {
        KernelVariant::Tiled => 1,
        KernelVariant::Direct => logits.cols().div_ceil(PIECE).max(1),
    };
    if pieces == 1 {
        return Ok(vec![pass(variant, variant.name(), logits, 1, count, out)]);
    }
    let parts = gpu.tensor(DType::F32, logits.rows() * pieces, width(count))?;
    Ok(vec![
        pass(variant, variant.name(), logits, pieces, count, &parts),
        pass(variant, "join", &parts, pieces, count, out),
    ])
}

/// One call. `from` holds logits, or for `join` the results of the pieces.
fn pass(
    variant: KernelVariant,
    entry: &'static str,
    from: &Tensor,
    pieces: usize,
    count: usize,
    out: &Tensor,
) -> Dispatch {
    let rows = match entry {
        "join" => out.rows(),
        _ => from.rows(),
    };
    call(
        "top_tokens",
        entry,
        &Params {
            rows: u32_of(rows),
            cols: u32_of(from.cols()),
            stride: u32_of(from.stride()),
            count: u32_of(count),
            out_stride: u32_of(out.stride()),
            piece: u32_of(PIECE),
            pieces: u32_of(pieces),
        },
        vec![Binding::read(from), Binding::write(out)],
        rows_grid(variant, out.rows()),
        Work {
            flops: 8.0 * (from.rows() * from.cols()) as f64,
            bytes: 2.0 * traffic(&[from]) + traffic(&[out]),
        },
    )
}

/// Columns of the result for the `count` largest.
pub fn width(count: usize) -> usize {
    2 * count + 1
}

/// One row's result.
#[derive(Clone, Debug, PartialEq)]
pub struct TopTokens {
    /// Token ids with their logits, the largest first; fewer than asked for where the row has fewer
    /// finite logits.
    pub tokens: Vec<(u32, f32)>,
    /// `log sum exp` of the row's logits; unspecified where there are no tokens.
    pub log_sum_exp: f32,
}

impl TopTokens {
    /// Takes a row of the kernel's result apart.
    pub fn from_row(row: &[f32]) -> Self {
        let (logits, rest) = row.split_at(row.len() / 2);
        let ids = rest.iter().take(logits.len());
        Self {
            tokens: ids
                .zip(logits)
                .filter(|(id, _)| **id >= 0.0)
                .map(|(&id, &logit)| (id as u32, logit))
                .collect(),
            log_sum_exp: row.last().copied().unwrap_or(0.0),
        }
    }

    /// Softmax probability of a logit of this row, over the whole vocabulary.
    pub fn probability(&self, logit: f32) -> f32 {
        (logit - self.log_sum_exp).exp()
    }
}
