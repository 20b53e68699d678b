//! Mean, deviation, median and outliers of token norms.

use crate::gpu::{Binding, DType, Dispatch, Gpu, GpuError, Tensor, Work};

use super::{call, expect, groups, traffic, u32_of};

/// Values per row of the result; see [`NormStats`].
pub const STATS: usize = 8;

/// One row of the result of [`norm_stats`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NormStats {
    /// Mean norm.
    pub mean: f32,
    /// Standard deviation, unbiased.
    pub deviation: f32,
    /// Lower median.
    pub median: f32,
    /// Norms further than `limit` from the median.
    pub outliers: usize,
    /// Norms that are not finite.
    pub broken: usize,
    /// Power of two that brings the median (the mean where the median is 0) into `[1, 2)`.
    pub scale: f32,
    /// Three standard deviations.
    pub limit: f32,
    /// Norms whose distance to the median is within 1 % of `limit`: the smallest change may decide over them.
    pub near: usize,
}

impl NormStats {
    /// Takes the values of one row; `None` where there are too few.
    pub fn parse(row: &[f32]) -> Option<Self> {
        match row {
            [
                mean,
                deviation,
                median,
                outliers,
                broken,
                scale,
                limit,
                near,
                ..,
            ] => Some(Self {
                mean: *mean,
                deviation: *deviation,
                median: *median,
                outliers: *outliers as usize,
                broken: *broken as usize,
                scale: *scale,
                limit: *limit,
                near: *near as usize,
            }),
            _ => None,
        }
    }

    /// The values of one row, as kernels read them.
    pub fn row(&self) -> [f32; STATS] {
        [
            self.mean,
            self.deviation,
            self.median,
            self.outliers as f32,
            self.broken as f32,
            self.scale,
            self.limit,
            self.near as f32,
        ]
    }
}

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    zero: u32,
}

/// The [`NormStats`] of each row of `norms`.
///
/// # Shapes
/// `norms [rows, n]` with n >= 2, none negative; `stats [rows, 8]`; both f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooManyTurns`].
pub fn norm_stats(gpu: &Gpu, norms: &Tensor, stats: &Tensor) -> Result<Dispatch, GpuError> {
    // Four digits of the median, the sums and the outliers go through all norms, four at a time on each of 256
    // lanes; each digit looks through its 256 bins.
    let turns = 6 * norms.cols().div_ceil(4 * 256) + 4 * 256;
    gpu.check_turns("norm_stats", turns)?;
    let fits = norms.cols() >= 2
        && norms.dtype() == DType::F32
        && stats.dtype() == DType::F32
        && stats.rows() == norms.rows()
        && stats.cols() == STATS;
    expect("norm_stats", fits, || {
        format!("norms {norms:?} and stats {stats:?} must be [rows, >= 2] and [rows, {STATS}]")
    })?;
    Ok(call(
        "norm_stats",
        "main",
        &Params {
            rows: u32_of(norms.rows()),
            cols: u32_of(norms.cols()),
            stride: u32_of(norms.stride()),
            zero: 0,
        },
        vec![Binding::read(norms), Binding::write(stats)],
        [groups(norms.rows(), 1), 1, 1],
        Work {
            flops: 0.0,
            bytes: 8.0 * traffic(&[norms]),
        },
    ))
}
