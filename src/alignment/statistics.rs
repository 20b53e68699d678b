//! What the device found out about a modality, on the CPU.

use super::{AlignmentError, Modality, frechet::Cloud};
use crate::{
    gpu::{GpuError, Readback},
    kernels::norm_stats::NormStats,
};

/// What came back of one modality.
pub(super) struct Statistics {
    stats: Readback,
    means: [Readback; 2],
    squares: Readback,
    /// Both parts of each layer's Gram matrix; none where the rows serve as the factor.
    pub(super) grams: Vec<Option<[Readback; 2]>>,
}

impl Statistics {
    /// Takes the tensors in the order of [`Clouds::tensors`](super::covariance::Clouds::tensors); `has_gram` says
    /// which layers have a Gram matrix.
    pub(super) fn new(read: Vec<Readback>, has_gram: impl Iterator<Item = bool>) -> Self {
        let mut read = read.into_iter();
        let mut next = || {
            read.next().unwrap_or(Readback {
                rows: 0,
                cols: 0,
                values: Vec::new(),
            })
        };
        Self {
            stats: next(),
            means: [next(), next()],
            squares: next(),
            grams: has_gram.map(|has| has.then(|| [next(), next()])).collect(),
        }
    }

    /// One layer's scalars; `first` is the index of the group's first layer.
    pub(super) fn cloud(
        &self,
        layer: usize,
        first: usize,
        modality: Modality,
        tokens: usize,
        counted: usize,
    ) -> Result<Cloud, AlignmentError> {
        let norms = NormStats::parse(row(&self.stats, layer)).ok_or_else(|| GpuError::Shape {
            kernel: "norm_stats",
            message: format!("no statistics of layer {}", first + layer + 1),
        })?;
        if norms.broken > 0 {
            return Err(AlignmentError::NotFinite {
                layer: first + layer + 1,
                modality,
                tokens: norms.broken,
            });
        }
        let mean = (row(&self.means[0], layer).iter())
            .zip(row(&self.means[1], layer))
            .map(|(&mean, &rest)| f64::from(mean) + f64::from(rest))
            .collect();
        let squares: f64 = row(&self.squares, layer)
            .iter()
            .map(|&sum| f64::from(sum))
            .sum();
        let scale = f64::from(norms.scale);
        Ok(Cloud {
            tokens,
            counted,
            norms,
            mean,
            rank: None,
            trace: squares / (scale * scale) / (counted - 1) as f64,
        })
    }
}

fn row(read: &Readback, index: usize) -> &[f32] {
    read.values
        .get(index * read.cols..(index + 1) * read.cols)
        .unwrap_or(&[])
}
