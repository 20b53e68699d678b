//! What the first tokens of a modality say about where its cloud lies: the point that sums are taken about, the size
//! of the sums to come, the bins of the medians.

use super::BINS;
use crate::{
    alignment::covariance::Moments,
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        center_rows::center_rows,
        column_medians::column_medians,
        column_sums::{ColumnSums, column_totals},
        gather_rows::gather_rows,
        norm_stats::{NormStats, STATS},
    },
    platform::Cancel,
};

/// How much larger than the first tokens have them the sums of squares may come out before their exact part is no
/// longer exact.
const HEADROOM: f64 = 4.0;
/// Standard deviations from the center within which half the bins lie.
const NARROW: f64 = 0.5;

/// Of all layers of one modality, on the device; `[layers, width]` where nothing else is said.
pub(super) struct Layout {
    /// The points that sums are taken about.
    pub(super) centers: Tensor,
    /// Zeros.
    pub(super) rests: Tensor,
    /// Scales, as [`center_rows`] takes them, `[layers, 8]`.
    pub(super) stats: Tensor,
    /// Upper bounds of the sums of squares of scaled rows.
    pub(super) bounds: Tensor,
    /// What the bins are about: the medians of the first tokens.
    pub(super) medians: Tensor,
    /// What the distance to them is multiplied with, see [`crate::kernels::count_bins`].
    pub(super) inverse: Tensor,
    /// On the CPU: the centers, by layer.
    pub(super) center_values: Vec<f32>,
    /// On the CPU: the medians of the first tokens, by layer.
    pub(super) median_values: Vec<f32>,
    /// On the CPU: the bounds, by layer.
    pub(super) bound_values: Vec<f32>,
    /// On the CPU: `inverse`, by layer.
    pub(super) inverse_values: Vec<f32>,
    /// On the CPU: the powers of two that rows are scaled by.
    pub(super) scales: Vec<f32>,
}

impl Layout {
    /// From the rows of each layer that `first` names among those of `raw`; `tokens` will come in all, and `scales`
    /// are powers of two that bring their norms near 1.
    pub(super) async fn new(
        gpu: &Gpu,
        raw: &[Tensor],
        first: &[Vec<u32>],
        tokens: usize,
        scales: Vec<f32>,
        cancel: &Cancel,
    ) -> Result<Self, GpuError> {
        let layers = raw.len();
        let width = raw.first().map_or(0, Tensor::cols);
        let moments = Moments::new(gpu, layers, width)?;
        let rests = gpu.upload(layers, width, &vec![0.0; layers * width])?;
        let row = |scale: f32| {
            // One outlier, without which medians would not be looked for.
            let outliers = 1;
            NormStats {
                outliers,
                scale,
                ..NormStats::default()
            }
            .row()
        };
        let values: Vec<f32> = scales.iter().flat_map(|&scale| row(scale)).collect();
        let stats = gpu.upload(layers, STATS, &values)?;
        let [centers, _, bounds] = moments.tensors();
        let medians = gpu.tensor(DType::F32, layers, width)?;
        let median = gpu.tensor(DType::F32, 1, width)?;
        for (layer, (raw, rows)) in raw.iter().zip(first).enumerate() {
            let mut recording = Recording::new();
            let own = gpu.tensor(DType::F32, rows.len(), width)?;
            recording.push(gather_rows(&gpu.upload_indices(rows)?, raw, 0, &own, 0)?);
            recording.push(column_medians(gpu, &own, &stats, layer, &median)?);
            recording.copy_rows(&median, 0, &medians, layer, 1)?;
            moments.record_means(gpu, &mut recording, &own, layer)?;
            recording.push(center_rows(&own, centers, &rests, &stats, layer)?);
            let square = ColumnSums {
                square: true,
                factor: (HEADROOM * tokens as f64 / rows.len() as f64) as f32,
                ..ColumnSums::default()
            };
            recording.extend(column_totals(gpu, &own, &square, bounds, layer)?);
            gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
        }
        let read = gpu.read(&[centers, bounds, &medians]).await?;
        let mut read = read.into_iter().map(|read| read.values);
        let center_values = read.next().unwrap_or_default();
        let bounds_read = read.next().unwrap_or_default();
        let median_values = read.next().unwrap_or_default();
        let by_layer = bounds_read.chunks_exact(width.max(1)).zip(&scales);
        let inverse_values: Vec<f32> = by_layer
            .flat_map(|(bounds, &scale)| {
                bounds.iter().map(move |&bound| {
                    let variance = f64::from(bound) / (HEADROOM * tokens as f64);
                    let deviation = variance.sqrt() / f64::from(scale);
                    match deviation > 0.0 {
                        true => (1.0 / (NARROW * deviation)) as f32,
                        false => 0.0,
                    }
                })
            })
            .map(|inverse| if inverse.is_finite() { inverse } else { 0.0 })
            .collect();
        let inverse = gpu.upload(layers, width, &inverse_values)?;
        Ok(Self {
            centers: centers.clone(),
            rests,
            stats,
            bounds: bounds.clone(),
            medians,
            inverse,
            center_values,
            median_values,
            bound_values: bounds_read,
            inverse_values,
            scales,
        })
    }
}

/// The lower median of the values that were counted in `bins [BINS, width]`, of column `col`, interpolated
/// within its bin; none where it lies in one that reaches to infinity, or where there are no bins although the column
/// `varies`.
pub(super) fn median(
    bins: &[f32],
    width: usize,
    col: usize,
    [center, inverse]: [f32; 2],
    varies: bool,
) -> Option<f64> {
    let counts = || (0..BINS).map(|bin| f64::from(bins[bin * width + col]));
    let total: f64 = counts().sum();
    if inverse <= 0.0 {
        // All of the first tokens had this value.
        return (!varies).then_some(f64::from(center));
    }
    // The middle of the value's place in the order.
    let rank = ((total - 1.0) / 2.0).floor() + 0.5;
    let mut below = 0.0;
    for (bin, count) in counts().enumerate() {
        if below + count > rank {
            if bin == 0 || bin == BINS - 1 {
                return None;
            }
            let [begin, end] = edges(bin);
            let place = begin + (end - begin) * (rank - below) / count;
            return Some(f64::from(center) + place / f64::from(inverse));
        }
        below += count;
    }
    None
}

/// Where a bin begins and ends, in what [`crate::kernels::count_bins`] counts in.
pub(super) fn edges(bin: usize) -> [f64; 2] {
    [bin, bin + 1].map(|edge| {
        let part = edge as f64 / (BINS / 2) as f64 - 1.0;
        part / (1.0 - part.abs())
    })
}
