//! From sums to a cloud's scalars and its covariance.

use super::{
    BINS,
    layout::{Layout, median},
    side::Side,
};
use crate::{
    alignment::{
        AlignmentError, Modality,
        cholesky::{SplitMatrix, noise},
        factors::Task,
        frechet::Cloud,
    },
    gpu::Gpu,
    kernels::matmul::Packed,
    report::Outliers,
};

/// A modality at one layer.
pub(super) struct Summed {
    pub(super) cloud: Cloud,
    /// What replaces outliers.
    pub(super) medians: Option<Vec<f32>>,
    /// The Gram matrix of its scaled rows about their mean: both parts, what is added to them, and its rounding.
    parts: [Vec<f32>; 2],
    updates: Vec<(f64, Vec<f64>)>,
    noise: f64,
}

impl Summed {
    /// The factorization of its covariance.
    pub(super) fn task(&self, place: (usize, usize)) -> Task<'_> {
        let [high, rest] = &self.parts;
        Task {
            place,
            matrix: SplitMatrix {
                high,
                rest,
                updates: &self.updates,
            },
            noise: self.noise,
        }
    }
}

impl Side {
    /// What the sums of one layer tell; the memory of its Gram matrix is given back. `first` is the index of the first
    /// layer.
    pub(super) async fn summed(
        &mut self,
        gpu: &Gpu,
        (layer, first, modality): (usize, usize, Modality),
    ) -> Result<Summed, AlignmentError> {
        let number = first + layer + 1;
        let gram = self.grams.get_mut(layer).and_then(Option::take);
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
        let mut read = read.into_iter().map(|read| read.values);
        let mut next = || read.next().unwrap_or_default();
        let (high, rest, high_sums, low_sums) = (next(), next(), next(), next());
        let bins = replaced.then(next);

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
        let mut sums: Vec<f64> = (high_sums[own.clone()].iter())
            .zip(&low_sums[own])
            .map(|(&high, &low)| f64::from(high) + f64::from(low))
            .collect();
        if let Some(bins) = bins {
            let medians =
                medians(layout, layer, &bins, &high, width).ok_or(AlignmentError::FirstPairs {
                    layer: number,
                    modality,
                })?;
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
            high: &high,
            rest: &rest,
            updates: &updates,
        };
        let squares: f64 = (0..width).map(|i| matrix.value(width, i, i).max(0.0)).sum();
        // Sums that are larger than the first tokens told have no exact part.
        let bounds = &layout.bound_values[layer * width..];
        let half = Packed { side: width };
        let is_exact = (0..width).all(|i| high[half.index(i, i)] <= bounds[i]);
        let rounding = noise(if is_exact { counted } else { usize::MAX });
        let mut norms = norms;
        norms.scale = layout.scales[layer];
        let cloud = Cloud {
            tokens: self.expected,
            counted,
            norms,
            mean,
            rank: None,
            trace: squares / (scale * scale) / (n - 1.0),
        };
        Ok(Summed {
            cloud,
            medians: replacing,
            parts: [high, rest],
            updates,
            // Twice the rounding of sums about the mean itself.
            noise: 2.0 * rounding,
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
    let half = Packed { side: width };
    let of = |col: usize| {
        let place = [
            layout.median_values[begin + col],
            layout.inverse_values[begin + col],
        ];
        median(bins, width, col, place, gram[half.index(col, col)] > 0.0)
    };
    (0..width).map(of).collect()
}
