//! Rows minus their mean.

use crate::gpu::{Binding, Dispatch, GpuError, Tensor, Work};

use super::{all_f32, call, expect, folded, norm_stats::STATS, traffic, u32_of};

/// Rows of an invocation.
const ROWS: usize = 8;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    width4: u32,
    mean_row: u32,
    stats_start: u32,
    zero: u32,
}

/// `x = ((x - means[layer]) - rests[layer]) * scale`, in place, with the scale in row `layer` of
/// `stats` (see [`super::norm_stats`]).
///
/// # Shapes
/// `x [n, width]`, `means` and `rests` `[> layer, width]`, `stats [> layer, 8]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn center_rows(
    x: &Tensor,
    means: &Tensor,
    rests: &Tensor,
    stats: &Tensor,
    layer: usize,
) -> Result<Dispatch, GpuError> {
    let is_mean = |tensor: &Tensor| tensor.cols() == x.cols() && layer < tensor.rows();
    let fits = all_f32(&[x, means, rests, stats])
        && is_mean(means)
        && is_mean(rests)
        && stats.cols() == STATS
        && layer < stats.rows();
    expect("center_rows", fits, || {
        format!(
            "x {x:?} does not fit row {layer} of means {means:?}, rests {rests:?} and stats {stats:?}"
        )
    })?;
    let width4 = x.stride() / 4;
    Ok(call(
        "center_rows",
        "main",
        &Params {
            rows: u32_of(x.rows()),
            width4: u32_of(width4),
            mean_row: u32_of(layer),
            stats_start: u32_of(layer * stats.stride()),
            zero: 0,
        },
        vec![
            Binding::read(means),
            Binding::read(rests),
            Binding::read(stats),
            Binding::write(x),
        ],
        folded(x.rows().div_ceil(ROWS) * width4, 64),
        Work {
            flops: 3.0 * (x.rows() * x.cols()) as f64,
            bytes: 2.0 * traffic(&[x]),
        },
    ))
}
