//! Median of each column.

use crate::gpu::{Binding, Dispatch, Gpu, GpuError, KernelVariant, Tensor, Work};

use super::{all_f32, call, expect, groups, norm_stats::STATS, u32_of};

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    stats_start: u32,
}

/// The lower median of each column of `x`; `out` stays as it is where row `layer` of `stats` (see
/// [`super::norm_stats`]) counts no outlier.
///
/// # Shapes
/// `x [n, width]`, `stats [> layer, 8]`, `out [1, width]`, all f32.
///
/// # Errors
/// [`GpuError::Shape`]; [`GpuError::TooManyTurns`].
pub fn column_medians(
    gpu: &Gpu,
    x: &Tensor,
    stats: &Tensor,
    layer: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    // At most eleven cuts with four rows at a time and a last look at each; or four digits of 256 bins, and a lane
    // of every 128 rows.
    let direct = 11 * x.rows().div_ceil(4) + x.rows();
    let tiled = 4 * (x.rows().div_ceil(128) + 256);
    let variant = gpu.kernels_within("column_medians", direct, tiled)?;
    column_medians_with(variant, x, stats, layer, out)
}

/// [`column_medians`] by a given variant.
///
/// # Errors
/// [`GpuError::Shape`].
pub fn column_medians_with(
    variant: KernelVariant,
    x: &Tensor,
    stats: &Tensor,
    layer: usize,
    out: &Tensor,
) -> Result<Dispatch, GpuError> {
    let fits = all_f32(&[x, stats, out])
        && x.rows() > 0
        && stats.cols() == STATS
        && layer < stats.rows()
        && out.rows() == 1
        && out.cols() == x.cols();
    expect("column_medians", fits, || {
        format!("x {x:?}, row {layer} of stats {stats:?} and out {out:?} do not fit")
    })?;
    Ok(call(
        "column_medians",
        variant.name(),
        &Params {
            rows: u32_of(x.rows()),
            cols: u32_of(x.cols()),
            stride: u32_of(x.stride()),
            stats_start: u32_of(layer * stats.stride()),
        },
        vec![Binding::read(x), Binding::read(stats), Binding::write(out)],
        match variant {
            KernelVariant::Tiled => [groups(x.cols(), 8), 1, 1],
            KernelVariant::Direct => [groups(x.cols(), 4 * 16), 1, 1],
        },
        // Read four times in the one variant, about eight times in the other.
        Work {
            flops: 0.0,
            bytes: 8.0 * x.byte_len() as f64,
        },
    ))
}
