//! The distances of the layers that are worked on together.

use super::{
    AlignmentError, LayerDistance, Mir, MirSettings, Modality,
    by_pair::Kept,
    cholesky::{SplitMatrix, noise},
    covariance::{self, Clouds},
    factors::{Task, factored},
    frechet::Cloud,
    outliers,
    singular::Norms,
    spectrum::{self, EffectiveRank, Slope},
    statistics::Statistics,
    traces::{Factors, traces},
};
use crate::{
    gpu::{Gpu, GpuError, Recording, Tensor},
    platform::Cancel,
    report::Outliers,
};

/// Shares of the progress of [`Mir::finish`] at which the statistics on the device are done, and the
/// factors of the covariances on the CPU; what is left are the traces.
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
        let mut sides = [0, 1].map(|side| {
            let own = stores.iter().map(|store| store[side].clone());
            own.collect::<Vec<_>>()
        });
        drop(stores);
        let [until_factors, until_traces] = STAGES;
        let Found { read, norms, stay } = self
            .statistics(&mut sides, cancel, &mut |share| {
                progress(until_factors * share);
            })
            .await?;
        gpu.trim();

        let [vision, text] = sides;
        let stores: Vec<[Tensor; 2]> = vision.into_iter().zip(text).map(Into::into).collect();
        let mut scalars: Vec<[Cloud; 2]> = Vec::with_capacity(stores.len());
        for (layer, stores) in stores.iter().enumerate() {
            let cloud = |side: usize| {
                let (all, counted) = (self.expected[side], stores[side].rows());
                read[side].cloud(layer, first, Modality::ALL[side], all, counted)
            };
            scalars.push([cloud(0)?, cloud(1)?]);
        }
        let AllFactored {
            factors,
            inverses,
            ranks,
            slopes,
        } = self
            .factors(&read, &stores, cancel, &mut |share| {
                progress(until_factors + (until_traces - until_factors) * share)
            })
            .await?;
        drop(read);
        for (clouds, ranks) in scalars.iter_mut().zip(ranks) {
            for (cloud, rank) in clouds.iter_mut().zip(ranks) {
                cloud.rank = rank;
            }
        }
        let kept = inverses.map(|inverses| Kept {
            stores,
            stay,
            factors: factors.clone(),
            inverses,
            slopes,
            norms,
        });
        let width = self.hidden_size;
        // Where there was a Gram matrix, its memory in the plan is free for the product of each layer's factors.
        let had_gram = self.expected.iter().any(|&tokens| tokens > width);
        let products = if had_gram { factors.len() } else { 0 };
        // What follows the traces takes about as long as they do.
        let parts = if kept.is_some() { 2.0 } else { 1.0 };
        let mut progress = |share| progress(until_traces + (1.0 - until_traces) * share);
        let mut first_part = |share| progress(share / parts);
        let mut distances = distances(
            gpu,
            self.settings,
            (width, products),
            first,
            &scalars,
            factors,
            cancel,
            &mut first_part,
        )
        .await?;
        if let Some(kept) = kept {
            let roots: Vec<f64> = distances.iter().map(|it| it.moments.trace_root).collect();
            let found = self
                .influences(kept, &scalars, &roots, cancel, &mut |share| {
                    progress((1.0 + share) / parts);
                })
                .await?;
            for (distance, influence) in distances.iter_mut().zip(found) {
                distance.influence = influence;
            }
        }
        Ok(distances)
    }

    /// Handles the outliers of some layers' rows (vision, text), centers and scales them, and reads what the device finds
    /// out about them.
    async fn statistics(
        &self,
        sides: &mut [Vec<Tensor>; 2],
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64),
    ) -> Result<Found, AlignmentError> {
        let gpu = &self.gpu;
        let mut recording = Recording::new();
        let outliers = self.settings.outliers;
        let norms = [
            outliers::record(gpu, &mut recording, &sides[0])?,
            outliers::record(gpu, &mut recording, &sides[1])?,
        ];
        let mut stay = [vec![None; sides[0].len()], vec![None; sides[1].len()]];
        match outliers {
            Outliers::Replace => {
                for (stores, norms) in sides.iter().zip(&norms) {
                    outliers::replace(gpu, &mut recording, stores, norms)?;
                }
            }
            Outliers::Drop => {
                gpu.run_with(&recording, cancel, &mut |_, _| {}).await?;
                recording = Recording::new();
                for (side, modality) in Modality::ALL.into_iter().enumerate() {
                    let (stores, norms) = (&mut sides[side], &norms[side]);
                    stay[side] = outliers::leave_out(gpu, stores, norms, modality, cancel).await?;
                }
            }
            Outliers::Keep => {}
        }
        let token_norms = [0, 1].map(|side: usize| norms[side].norms.clone());
        let [of_vision, of_text] = norms;
        let clouds = [
            covariance::record(gpu, &mut recording, &sides[0], of_vision)?,
            covariance::record(gpu, &mut recording, &sides[1], of_text)?,
        ];
        gpu.run_with(&recording, cancel, &mut |share, _| progress(share))
            .await?;
        drop(recording);
        let tensors: Vec<&Tensor> = clouds.iter().flat_map(Clouds::tensors).collect();
        let split = clouds[0].tensors().len();
        let mut read = gpu.read(&tensors).await?;
        let of_text = read.split_off(split);
        let [has_vision, has_text] = clouds.map(|clouds| {
            let grams = clouds.grams.iter().map(Option::is_some);
            grams.collect::<Vec<_>>().into_iter()
        });
        Ok(Found {
            read: [
                Statistics::new(read, has_vision),
                Statistics::new(of_text, has_text),
            ],
            norms: token_norms,
            stay,
        })
    }

    /// Both factors of each layer: its rows where these are no more than the width, else what comes of its Gram
    /// matrix. None where a cloud is a point.
    async fn factors(
        &self,
        read: &[Statistics; 2],
        stores: &[[Tensor; 2]],
        cancel: &Cancel,
        progress: &mut dyn FnMut(f64),
    ) -> Result<AllFactored, AlignmentError> {
        let (width, wanted) = (self.hidden_size, self.settings.intervals);
        let mut inverses: Vec<Factors> = vec![[None, None]; if wanted { stores.len() } else { 0 }];
        let mut factors: Vec<Factors> = (stores.iter())
            .map(|[vision, text]| [Some(vision.clone()), Some(text.clone())])
            .collect();
        let mut ranks = vec![[None; 2]; stores.len()];
        let mut slopes: Vec<[Option<Slope>; 2]> = vec![[None, None]; stores.len()];
        let places = (0..stores.len()).flat_map(|layer| [0, 1].map(|side| (layer, side)));
        let tasks = places.filter_map(|(layer, side)| {
            let [high, rest] = read[side].grams.get(layer)?.as_ref()?;
            Some(Task {
                place: (layer, side),
                matrix: SplitMatrix {
                    high: &high.values,
                    rest: &rest.values,
                    updates: &[],
                },
                noise: noise(stores[layer][side].rows()),
            })
        });
        let all = factored(
            &self.gpu,
            width,
            self.settings,
            tasks.collect(),
            cancel,
            progress,
        );
        for ((layer, side), found) in all.await? {
            factors[layer][side] = found.factor;
            if let Some(EffectiveRank { value, slope }) = found.rank {
                ranks[layer][side] = Some(value);
                slopes[layer][side] = slope;
            }
            if let Some(inverses) = inverses.get_mut(layer) {
                inverses[side] = found.inverse;
            }
        }
        if self.settings.ranks {
            for (layer, stores) in stores.iter().enumerate() {
                for side in [0, 1] {
                    if read[side].grams.get(layer).is_none_or(Option::is_none) {
                        let found = spectrum::of_rows(&self.gpu, &stores[side], cancel);
                        ranks[layer][side] = found.await?;
                    }
                }
            }
        }
        Ok(AllFactored {
            factors,
            inverses: wanted.then_some(inverses),
            ranks,
            slopes,
        })
    }
}

/// The distances of some layers from their clouds and the factors of their covariances; `first` is the index of the
/// first of them, `products` as in [`traces()`].
#[expect(
    clippy::too_many_arguments,
    reason = "two callers, each with all of it at hand"
)]
pub(super) async fn distances(
    gpu: &Gpu,
    settings: MirSettings,
    (width, products): (usize, usize),
    first: usize,
    scalars: &[[Cloud; 2]],
    factors: Vec<Factors>,
    cancel: &Cancel,
    progress: &mut dyn FnMut(f64),
) -> Result<Vec<LayerDistance>, AlignmentError> {
    let traces = traces(gpu, (width, products), factors, cancel, progress).await?;
    let mut distances = Vec::with_capacity(traces.len());
    for (layer, (clouds, norms)) in scalars.iter().zip(traces).enumerate() {
        let Norms { nuclear, squares } = norms;
        if !nuclear.is_finite() {
            return Err(AlignmentError::from(GpuError::Device {
                adapter: gpu.name().to_owned(),
                message: format!(
                    "the product of the covariances' factors at layer {} is not finite",
                    first + layer + 1
                ),
            }));
        }
        let scale = f64::from(clouds[0].norms.scale) * f64::from(clouds[1].norms.scale);
        let degrees = clouds.each_ref().map(|cloud| (cloud.counted - 1) as f64);
        let unit = (degrees[0] * degrees[1]).sqrt() * scale;
        distances.push(LayerDistance::new(
            settings.definition,
            first + layer + 1,
            clouds,
            nuclear / unit,
            squares / (unit * unit),
            settings.outliers,
        )?);
    }
    Ok(distances)
}

/// What the device found out about some layers.
struct Found {
    /// Of vision and text.
    read: [Statistics; 2],
    /// Norms before the handling of outliers, `[layers, n]`.
    norms: [Tensor; 2],
    /// The tokens that are left at each layer; all where none are named.
    stay: [Vec<Option<Vec<u32>>>; 2],
}

/// What comes of the covariances of some layers.
struct AllFactored {
    factors: Vec<Factors>,
    /// What undoes them, `[width, rank]`, where intervals are wanted.
    inverses: Option<Vec<Factors>>,
    /// Effective ranks, where they are wanted.
    ranks: Vec<[Option<f64>; 2]>,
    /// What they move by, `[width, width]`, where intervals are wanted as well.
    slopes: Vec<[Option<Slope>; 2]>,
}
