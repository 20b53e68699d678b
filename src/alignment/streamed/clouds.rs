//! From sums to a cloud's scalars and the factor of its covariance.

use super::{
    BINS,
    layout::{Layout, median},
    side::Side,
};
use crate::{
    alignment::{
        AlignmentError, MirSettings, Modality,
        cholesky::{SplitMatrix, factor, noise},
        frechet::Cloud,
        spectrum::effective_rank,
    },
    gpu::{Gpu, GpuError, Tensor},
    platform::{self, Cancel},
    report::Outliers,
};

/// A modality at one layer.
pub(super) struct Summed {
    pub(super) cloud: Cloud,
    /// `F [rank, width]` of its scaled rows; none where the cloud is a point.
    pub(super) factor: Option<Tensor>,
    /// What undoes it, `[width, rank]`, where that is wanted.
    pub(super) inverse: Option<Tensor>,
    /// What replaces outliers.
    pub(super) medians: Option<Vec<f32>>,
}

impl Side {
    /// What the sums of one layer tell, with what `settings` want beside the distance; the memory of its Gram matrix is
    /// given back. `first` is the index of the first layer.
    pub(super) async fn summed(
        &mut self,
        gpu: &Gpu,
        (layer, first, modality): (usize, usize, Modality),
        settings: MirSettings,
        cancel: &Cancel,
    ) -> Result<Summed, AlignmentError> {
        let (wanted, ranks) = (settings.intervals, settings.ranks);
        let number = first + layer + 1;
        let gram = self.grams[layer].take();
        let (Some(norms), Some(layout), Some(gram)) = (self.stats(layer), &self.layout, gram)
        else {
            return Err(AlignmentError::TooFewTokens { modality, count: 0 });
        };
        if norms.broken > 0 {
            return Err(AlignmentError::NotFinite {
                layer: number,
                modality,
                tokens: norms.broken,
            });
        }
        let [high_sums, low_sums] = &self.sums;
        let mut tensors = vec![&gram.high, &gram.rest, high_sums, low_sums];
        let inside = self.norms[layer]
            .verdicts(&norms)
            .filter(|inside| *inside)
            .count();
        let outliers = self.expected - inside;
        let replaced = self.rule() == Outliers::Replace && outliers > 0;
        tensors.extend(self.bins.get(layer).filter(|_| replaced));
        let read = gpu.read(&tensors).await?;
        drop(gram);
        let [high, rest, high_sums, low_sums, bins @ ..] = read.as_slice() else {
            return Err(AlignmentError::from(GpuError::Shape {
                kernel: "read",
                message: "fewer tensors came back than were asked for".to_owned(),
            }));
        };

        let width = self.width;
        let own = layer * width..(layer + 1) * width;
        let scale = f64::from(layout.scales[layer]);
        let centers = &layout.center_values[own.clone()];
        let counted = if replaced { self.expected } else { inside };
        if counted < 2 {
            return Err(AlignmentError::TooFewTokens {
                modality,
                count: counted,
            });
        }
        let mut updates = Vec::new();
        let mut replacing = None;
        let mut sums: Vec<f64> = (high_sums.values[own.clone()].iter())
            .zip(&low_sums.values[own])
            .map(|(&high, &low)| f64::from(high) + f64::from(low))
            .collect();
        if let Some(bins) = bins.first() {
            let medians = medians(layout, layer, &bins.values, &high.values, width).ok_or(
                AlignmentError::FirstPairs {
                    layer: number,
                    modality,
                },
            )?;
            // From the centers, scaled: as the rows are.
            let moved: Vec<f64> = (medians.iter().zip(centers))
                .map(|(median, &center)| (median - f64::from(center)) * scale)
                .collect();
            let count = outliers as f64;
            sums.iter_mut()
                .zip(&moved)
                .for_each(|(sum, median)| *sum += count * median);
            updates.push((count, moved));
            replacing = Some(medians.iter().map(|&median| median as f32).collect());
        }
        let n = counted as f64;
        let offsets: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
        let mean = (centers.iter().zip(&offsets))
            .map(|(&center, offset)| f64::from(center) + offset / scale)
            .collect();
        updates.push((-n, offsets));
        let matrix = SplitMatrix {
            high: &high.values,
            rest: &rest.values,
            updates: &updates,
        };
        let squares: f64 = (0..width).map(|i| matrix.value(width, i, i).max(0.0)).sum();
        // Sums that are larger than the first tokens told have no exact part.
        let bounds = &layout.bound_values[layer * width..];
        let is_exact = (0..width).all(|i| high.values[i * width + i] <= bounds[i]);
        let rounding = noise(if is_exact { counted } else { usize::MAX });
        // Twice the rounding of sums about the mean itself.
        let found = factor(matrix, width, 2.0 * rounding, cancel)?;
        let (factor, inverse) = match found.rank {
            0 => (None, None),
            rank => {
                let inverse = wanted.then(|| found.inverse(cancel)).transpose()?;
                let inverse = inverse.map(|values| gpu.upload(width, rank, &values));
                let factor = gpu.upload(rank, width, &found.values)?;
                (Some(factor), inverse.transpose()?)
            }
        };
        platform::yield_now().await;
        let rank = match ranks {
            true => effective_rank(matrix.dense(width), width, cancel)?,
            false => None,
        };
        let mut norms = norms;
        norms.scale = layout.scales[layer];
        let cloud = Cloud {
            tokens: self.expected,
            counted,
            norms,
            mean,
            rank,
            trace: squares / (scale * scale) / (n - 1.0),
        };
        Ok(Summed {
            cloud,
            factor,
            inverse,
            medians: replacing,
        })
    }
}

/// The median of each dimension, in the units of the states; none where one lies beyond the bins.
fn medians(
    layout: &Layout,
    layer: usize,
    bins: &[f32],
    gram: &[f32],
    width: usize,
) -> Option<Vec<f64>> {
    debug_assert_eq!(bins.len(), BINS * width);
    let begin = layer * width;
    let of = |col: usize| {
        let place = [
            layout.median_values[begin + col],
            layout.inverse_values[begin + col],
        ];
        median(bins, width, col, place, gram[col * width + col] > 0.0)
    };
    (0..width).map(of).collect()
}
