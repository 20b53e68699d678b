//! Outlier rows give way to the median.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, norm_stats::STATS, u32_of};

/// Groups of four elements of an invocation.
const GROUPS: usize = 16;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width4: u32,
    norms_start: u32,
    stats_start: u32,
}

/// `x[i] = medians` in place, for the rows with `|norms[layer, i] - median| > limit` by row `layer`
/// of `stats` (see [`super::norm_stats`]).
///
/// # Shapes
/// `x [n, width]`, `norms [> layer, n]`, `stats [> layer, 8]`, `medians [1, width]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn replace_outliers(
    x: &Tensor,
    norms: &Tensor,
    stats: &Tensor,
    layer: usize,
    medians: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = all_f32(&[x, norms, stats, medians])
        && norms.cols() == x.rows()
        && layer < norms.rows()
        && stats.cols() == STATS
        && layer < stats.rows()
        && medians.cols() == x.cols();
    expect("replace_outliers", fits, || {
        format!(
            "x {x:?}, row {layer} of norms {norms:?} and stats {stats:?}, and medians {medians:?} do not fit"
        )
    })?;
    let width4 = x.stride() / 4;
    Ok(call(
        "replace_outliers",
        "main",
        &Params {
            rows: u32_of(x.rows()),
            width4: u32_of(width4),
            norms_start: u32_of(layer * norms.stride()),
            stats_start: u32_of(layer * stats.stride()),
        },
        vec![
            Binding::read(norms),
            Binding::read(stats),
            Binding::read(medians),
            Binding::write(x),
        ],
        folded(x.rows() * width4.div_ceil(GROUPS), 64),
        // Few rows are written.
        Work {
            flops: 0.0,
            bytes: 0.1 * x.byte_len() as f64,
        },
    ))
}
