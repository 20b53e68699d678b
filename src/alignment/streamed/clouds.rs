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
    kernels::{matmul::Packed, norm_stats::NormStats},
    report::Outliers,
};

/// Sums over the scaled rows of a modality at one layer that count, about a point.
pub(super) struct Sums {
    /// Both parts of their Gram matrix about it, half of each as [`Packed`] has it.
    pub(super) gram: [Vec<f32>; 2],
    /// Whether the larger part is exact.
    pub(super) is_exact: bool,
    /// The rows' own sum about it.
    pub(super) sums: Vec<f64>,
    /// The point, in the units of the states.
    pub(super) center: Vec<f64>,
    /// The power of two that rows are scaled by.
    pub(super) scale: f32,
    /// All tokens, and those in the sums.
    pub(super) tokens: usize,
    pub(super) inside: usize,
    /// What comes in the place of the others, in the units of the states; none where they are left out.
    pub(super) medians: Option<Vec<f64>>,
    /// Of all tokens.
    pub(super) norms: NormStats,
}

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
    /// What sums of a `modality` tell.
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`] where fewer than two count.
    pub(super) fn new(sums: Sums, modality: Modality) -> Result<Self, AlignmentError> {
        let Sums {
            gram,
            is_exact,
            mut sums,
            center,
            scale,
            tokens,
            inside,
            medians,
            norms,
        } = sums;
        let width = center.len();
        let counted = if medians.is_some() { tokens } else { inside };
        if counted < 2 {
            return Err(AlignmentError::TooFewTokens {
                modality,
                count: counted,
            });
        }
        let by = f64::from(scale);
        let mut updates = Vec::new();
        if let Some(medians) = &medians {
            // From the point, scaled: as the rows are.
            let moved: Vec<f64> = (medians.iter().zip(&center))
                .map(|(median, center)| (median - center) * by)
                .collect();
            let count = (tokens - inside) as f64;
            sums.iter_mut()
                .zip(&moved)
                .for_each(|(sum, median)| *sum += count * median);
            updates.push((count, moved));
        }
        let n = counted as f64;
        let offsets: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
        let mean = (center.iter().zip(&offsets))
            .map(|(center, offset)| center + offset / by)
            .collect();
        updates.push((-n, offsets));
        let [high, rest] = &gram;
        let matrix = SplitMatrix {
            high,
            rest,
            updates: &updates,
        };
        let squares: f64 = (0..width).map(|i| matrix.value(width, i, i).max(0.0)).sum();
        let rounding = noise(if is_exact { counted } else { usize::MAX });
        let cloud = Cloud {
            tokens,
            counted,
            norms: NormStats { scale, ..norms },
            mean,
            rank: None,
            trace: squares / (by * by) / (n - 1.0),
        };
        let medians = medians.map(|medians| medians.iter().map(|&median| median as f32).collect());
        Ok(Self {
            cloud,
            medians,
            parts: gram,
            updates,
            // Twice the rounding of sums about the mean itself.
            noise: 2.0 * rounding,
        })
    }

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
        finite(&norms, (number, modality))?;
        let [high_sums, low_sums] = &self.sums;
        let mut tensors = vec![&gram.high, &gram.rest, high_sums, low_sums];
        let inside = self.norms[layer]
            .verdicts(&norms)
            .filter(|inside| *inside)
            .count();
        let replaced = self.rule() == Outliers::Replace && inside < self.expected;
        tensors.extend(self.bins.get(layer).filter(|_| replaced));
        let read = gpu.read(&tensors).await?;
        drop(gram);
        let mut read = read.into_iter().map(|read| read.values);
        let mut next = || read.next().unwrap_or_default();
        let (high, rest, high_sums, low_sums) = (next(), next(), next(), next());
        let bins = replaced.then(next);

        let width = self.width;
        let own = layer * width..(layer + 1) * width;
        let medians = bins.map(|bins| {
            let found = medians(layout, layer, &bins, &high, width);
            found.ok_or(AlignmentError::FirstPairs {
                layer: number,
                modality,
            })
        });
        let centers = &layout.center_values[own.clone()];
        let sums = Sums {
            is_exact: is_exact(&high, &layout.bound_values[own.clone()]),
            gram: [high, rest],
            sums: both(&high_sums[own.clone()], &low_sums[own]),
            center: centers.iter().map(|&center| f64::from(center)).collect(),
            scale: layout.scales[layer],
            tokens: self.expected,
            inside,
            medians: medians.transpose()?,
            norms,
        };
        Summed::new(sums, modality)
    }
}

/// Fails where a norm is no number; `number` is the layer's, from 1 on.
pub(super) fn finite(
    norms: &NormStats,
    (layer, modality): (usize, Modality),
) -> Result<(), AlignmentError> {
    match norms.broken {
        0 => Ok(()),
        tokens => Err(AlignmentError::NotFinite {
            layer,
            modality,
            tokens,
        }),
    }
}

/// Sums that stand in two parts.
pub(super) fn both(high: &[f32], low: &[f32]) -> Vec<f64> {
    let parts = high.iter().zip(low);
    parts
        .map(|(&high, &low)| f64::from(high) + f64::from(low))
        .collect()
}

/// Whether the larger part of a Gram matrix is exact: sums that are larger than the first tokens told have no exact part.
pub(super) fn is_exact(high: &[f32], bounds: &[f32]) -> bool {
    let half = Packed { side: bounds.len() };
    let own = bounds.iter().enumerate();
    own.clone()
        .all(|(i, &bound)| high[half.index(i, i)] <= bound)
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
