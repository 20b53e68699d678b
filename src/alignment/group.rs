//! The distances of the layers that are worked on together.

use super::{
    AlignmentError, LayerDistance, Mir, Modality,
    cholesky::{Factor, SplitMatrix, factor, noise},
    covariance::{self, Clouds},
    polar,
    statistics::Statistics,
};
use crate::{
    gpu::{DType, Recording, Tensor},
    kernels::matmul::{Matmul, matmul},
    platform::{self, Cancel},
};

/// Shares of the progress of [`Mir::finish`] at which the statistics on the device are done, and the
/// factors of the covariances on the CPU; what is left are the traces, on the device again.
pub const STAGES: [f64; 2] = [0.2, 0.3];

impl Mir {
    /// The distances of some layers; `first` is the index of the first of them.
    pub(super) async fn group(
        &self,
        first: usize,
        stores: Vec<[Tensor; 2]>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Vec<LayerDistance>, AlignmentError> {
        let gpu = &self.gpu;
        let sides = [0, 1].map(|side| {
            let own = stores.iter().map(|store| store[side].clone());
            own.collect::<Vec<_>>()
        });
        let mut recording = Recording::new();
        let replace = self.settings.outliers;
        let clouds = [
            covariance::record(gpu, &mut recording, &sides[0], replace)?,
            covariance::record(gpu, &mut recording, &sides[1], replace)?,
        ];
        let [until_factors, until_traces] = STAGES;
        gpu.run_with(&recording, cancel, &mut |share, _| {
            progress(until_factors * share)
        })
        .await?;
        drop(recording);
        let tensors: Vec<&Tensor> = clouds.iter().flat_map(Clouds::tensors).collect();
        let split = clouds[0].tensors().len();
        let mut read = gpu.read(&tensors).await?;
        let of_text = Statistics::new(read.split_off(split));
        let of_vision = Statistics::new(read);
        drop(clouds);
        gpu.trim();

        let read = [of_vision, of_text];
        let mut scalars = Vec::with_capacity(stores.len());
        for layer in 0..stores.len() {
            scalars.push([
                read[0].cloud(layer, first, Modality::Vision, self.expected[0])?,
                read[1].cloud(layer, first, Modality::Text, self.expected[1])?,
            ]);
        }
        let mut factors = Vec::with_capacity(stores.len());
        for (layer, store) in stores.iter().enumerate() {
            let mut pair = Vec::with_capacity(2);
            for (side, store) in store.iter().enumerate() {
                pair.push(match read[side].grams.get(layer) {
                    None => Some(store.clone()),
                    Some([high, rest]) => {
                        platform::yield_now().await;
                        let width = self.hidden_size;
                        let noise = noise(self.expected[side]);
                        let gram = SplitMatrix {
                            high: &high.values,
                            rest: &rest.values,
                        };
                        let Factor { rank, values } = factor(gram, width, noise, cancel)?;
                        (rank > 0)
                            .then(|| gpu.upload(rank, width, &values))
                            .transpose()?
                    }
                });
            }
            factors.push(pair);
            let share = (layer + 1) as f64 / stores.len() as f64;
            progress(until_factors + (until_traces - until_factors) * share);
        }
        drop((read, stores, sides));
        let traces = self
            .traces(factors, cancel, &mut |share| {
                progress(until_traces + (1.0 - until_traces) * share)
            })
            .await?;
        let degrees = ((self.expected[0] - 1) as f64 * (self.expected[1] - 1) as f64).sqrt();
        let mut distances = Vec::with_capacity(traces.len());
        for (layer, (clouds, (nuclear, squares))) in scalars.iter().zip(traces).enumerate() {
            let scale = f64::from(clouds[0].norms.scale) * f64::from(clouds[1].norms.scale);
            let unit = degrees * scale;
            distances.push(LayerDistance::new(
                self.settings.definition,
                first + layer + 1,
                clouds,
                nuclear / unit,
                squares / (unit * unit),
                replace,
            )?);
        }
        Ok(distances)
    }

    /// Nuclear norm and sum of squares of `F_v F_t^T` for each layer's factors.
    async fn traces(
        &self,
        factors: Vec<Vec<Option<Tensor>>>,
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Vec<(f64, f64)>, AlignmentError> {
        let gpu = &self.gpu;
        let layers = factors.len();
        let span = self.hidden_size;
        let squares = gpu.tensor(DType::F32, layers, 1)?;
        let dots = gpu.tensor(DType::F32, layers * span, 1)?;
        let mut recording = Recording::new();
        let mut products = Vec::with_capacity(layers);
        for (layer, pair) in factors.iter().enumerate() {
            let [Some(vision), Some(text)] = pair.as_slice() else {
                products.push(None);
                continue;
            };
            let (low, high) = if vision.rows() <= text.rows() {
                (vision, text)
            } else {
                (text, vision)
            };
            let k = gpu.tensor(DType::F32, low.rows(), high.rows())?;
            recording.extend(matmul(gpu, low, high, &Matmul::default(), &k)?);
            let (calls, factor) =
                polar::nuclear_norm(gpu, &k, (&squares, layer), (&dots, layer * span))?;
            recording.extend(calls);
            products.push(Some((k.rows(), factor)));
        }
        gpu.run_with(&recording, cancel, &mut |share, _| progress(share))
            .await?;
        let read = gpu.read(&[&squares, &dots]).await?;
        let [squares, dots] = read.as_slice() else {
            return Ok(Vec::new());
        };
        let sums = products.into_iter().enumerate().map(|(layer, product)| {
            let Some((rows, factor)) = product else {
                return (0.0, 0.0);
            };
            let own = &dots.values[layer * span..][..rows];
            let sum: f64 = own.iter().map(|&dot| f64::from(dot)).sum();
            (factor * sum, f64::from(squares.values[layer]))
        });
        Ok(sums.collect())
    }
}
