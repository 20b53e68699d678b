//! The largest logits of each row.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{call, expect, rows_grid, traffic, u32_of};

/// Most logits that a row gives.
pub const MOST: usize = 8;

/// Columns below this number are exact as f32.
const MOST_COLUMNS: usize = 1 << 24;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    count: u32,
    out_stride: u32,
}

/// The `count` largest logits of each row with their columns, and the row's `log sum exp`, for
/// [`TopTokens::from_row`]. Of equal logits the lower column comes first; logits that are not
/// finite never count, padding neither.
///
/// # Shapes
/// `logits` `[rows, vocab]`, `out` `[rows, 2 * count + 1]`, both f32; `count` is at least 1 and at
/// most [`MOST`], `vocab` at most 2^24.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn top_tokens(
    gpu: &Gpu,
    logits: &Tensor,
    count: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    top_tokens_with(gpu.kernels(), logits, count, out)
}

/// [`top_tokens`] in a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn top_tokens_with(
    variant: KernelVariant,
    logits: &Tensor,
    count: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = (1..=MOST).contains(&count)
        && logits.cols() <= MOST_COLUMNS
        && [out.rows(), out.cols()] == [logits.rows(), width(count)]
        && [logits, out].iter().all(|t| t.dtype() == DType::F32);
    expect("top_tokens", fits, || {
        format!("logits {logits:?} and out {out:?} do not fit the {count} largest")
    })?;
    let elements = (logits.rows() * logits.cols()) as f64;
    Ok(call(
        "top_tokens",
        variant.name(),
        &Params {
            rows: u32_of(logits.rows()),
            cols: u32_of(logits.cols()),
            stride: u32_of(logits.stride()),
            count: u32_of(count),
            out_stride: u32_of(out.stride()),
        },
        vec![Binding::read(logits), Binding::write(out)],
        rows_grid(variant, logits.rows()),
        Work {
            flops: 8.0 * elements,
            bytes: 2.0 * traffic(&[logits]),
        },
    ))
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
