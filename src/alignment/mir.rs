//! The Modality Integration Rate as a consumer of states, pair by pair.

use super::{
    AlignmentError, LayerDistance, MemoryPlan, MirResult, Modality,
    cholesky::{Factor, SplitMatrix, factor, noise},
    covariance::{self, Clouds},
    frechet::Cloud,
    polar,
};
use crate::{
    gpu::{DType, Gpu, GpuError, Readback, Recording, Tensor},
    kernels::{
        gather_rows::gather_rows,
        matmul::{Matmul, matmul},
        norm_stats::NormStats,
    },
    platform::{self, Cancel},
    report::Definition,
};

/// How the distance is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MirSettings {
    /// Definition of the distance; it decides nothing about which states and tokens are pushed.
    pub definition: Definition,
    /// Whether tokens whose norm stands out are replaced, as in the paper and in the script.
    pub outliers: bool,
}

impl Default for MirSettings {
    fn default() -> Self {
        Self {
            definition: Definition::default(),
            outliers: true,
        }
    }
}

/// Collects the hidden states of both modalities on the device and computes the Modality Integration
/// Rate of them.
///
/// States go in with [`Mir::push`], pair by pair, and nothing but statistics comes out, with
/// [`Mir::finish`]. It knows no model: a state is a tensor, a token is a row.
pub struct Mir {
    gpu: Gpu,
    settings: MirSettings,
    plan: MemoryPlan,
    hidden_size: usize,
    /// Rows of each layer: vision, text.
    stores: Vec<[Tensor; 2]>,
    expected: [usize; 2],
    filled: [usize; 2],
}

impl Mir {
    /// The device memory that [`Mir::new`] with the same numbers will take, in bytes.
    ///
    /// `n_vision` and `n_text` are the tokens of all pairs together; `budget` bounds the metric, not
    /// the model.
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`], [`AlignmentError::OverBudget`], and [`GpuError::TooLarge`]
    /// where the states of a layer exceed one buffer or binding of the device.
    pub fn plan(
        gpu: &Gpu,
        layers: usize,
        hidden_size: usize,
        n_vision: usize,
        n_text: usize,
        budget: Option<u64>,
    ) -> Result<MemoryPlan, AlignmentError> {
        MemoryPlan::new(gpu, layers, hidden_size, [n_vision, n_text], budget)
    }

    /// Prepares for `layers` states of width `hidden_size` and takes the memory for them.
    ///
    /// # Errors
    /// Those of [`Mir::plan`].
    pub fn new(
        gpu: &Gpu,
        settings: MirSettings,
        layers: usize,
        hidden_size: usize,
        n_vision: usize,
        n_text: usize,
        budget: Option<u64>,
    ) -> Result<Self, AlignmentError> {
        let plan = Self::plan(gpu, layers, hidden_size, n_vision, n_text, budget)?;
        let store = |rows| gpu.tensor(DType::F32, rows, hidden_size);
        let stores = (0..layers)
            .map(|_| Ok([store(n_vision)?, store(n_text)?]))
            .collect::<Result<_, GpuError>>()?;
        Ok(Self {
            gpu: gpu.clone(),
            settings,
            plan,
            hidden_size,
            stores,
            expected: [n_vision, n_text],
            filled: [0, 0],
        })
    }

    /// The memory in use.
    pub fn memory_plan(&self) -> &MemoryPlan {
        &self.plan
    }

    /// Records the copying of one pair's tokens; `states` may be overwritten by what is recorded
    /// afterwards.
    ///
    /// `states[layer]` holds all tokens of the pair, `vision` and `text` are the rows to take.
    ///
    /// # Shapes
    /// `states[layer] [tokens, hidden_size]` f32, one per layer.
    ///
    /// # Errors
    /// [`AlignmentError::States`], [`AlignmentError::TokenCount`], [`AlignmentError::Gpu`]; then
    /// nothing is recorded.
    pub fn push(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        vision: &[u32],
        text: &[u32],
    ) -> Result<(), AlignmentError> {
        let tokens = states.first().map_or(0, Tensor::rows);
        self.check(states, tokens, vision.iter().chain(text))?;
        let mut calls = Vec::new();
        let mut filled = self.filled;
        for (side, positions) in [vision, text].into_iter().enumerate() {
            let found = filled[side] + positions.len();
            if found > self.expected[side] {
                return Err(AlignmentError::TokenCount {
                    modality: Modality::ALL[side],
                    expected: self.expected[side],
                    found,
                });
            }
            if positions.is_empty() {
                continue;
            }
            let indices = self.gpu.upload_indices(positions)?;
            for (store, state) in self.stores.iter().zip(states) {
                calls.push(gather_rows(&indices, state, 0, &store[side], filled[side])?);
            }
            filled[side] = found;
        }
        self.filled = filled;
        recording.extend(calls);
        Ok(())
    }

    fn check<'a>(
        &self,
        states: &[Tensor],
        tokens: usize,
        mut positions: impl Iterator<Item = &'a u32>,
    ) -> Result<(), AlignmentError> {
        let fail =
            |expected: String, found: String| Err(AlignmentError::States { expected, found });
        if states.len() != self.stores.len() {
            return fail(
                format!("{} layers", self.stores.len()),
                format!("{} layers", states.len()),
            );
        }
        let fits = |state: &Tensor| {
            state.dtype() == DType::F32
                && state.cols() == self.hidden_size
                && state.rows() == tokens
        };
        if let Some(other) = states.iter().find(|state| !fits(state)) {
            return fail(
                format!("F32 [{tokens}, {}] at each layer", self.hidden_size),
                format!("{other:?}"),
            );
        }
        if let Some(position) = positions.find(|&&position| position as usize >= tokens) {
            return fail(
                format!("token positions below {tokens}"),
                format!("position {position}"),
            );
        }
        Ok(())
    }

    /// Computes the distance of each layer.
    ///
    /// `progress` hears how many layers' worth of the work is done, and of how many. There are two
    /// readbacks in all where the matrices of all layers fit the memory together, else two for each
    /// group of [`MemoryPlan::layers_per_group`] layers.
    ///
    /// # Errors
    /// [`AlignmentError::TokenCount`] where fewer tokens were pushed than announced,
    /// [`AlignmentError::NotFinite`], [`AlignmentError::ZeroNorms`], and what the device reports,
    /// [`GpuError::Cancelled`] included.
    pub async fn finish(
        mut self,
        cancel: &Cancel,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<MirResult, AlignmentError> {
        for (side, modality) in Modality::ALL.into_iter().enumerate() {
            if self.filled[side] != self.expected[side] {
                return Err(AlignmentError::TokenCount {
                    modality,
                    expected: self.expected[side],
                    found: self.filled[side],
                });
            }
        }
        let layers = self.stores.len();
        let mut told = 0;
        let mut distances = Vec::with_capacity(layers);
        while !self.stores.is_empty() {
            let first = layers - self.stores.len();
            let count = self.plan.layers_per_group.min(self.stores.len());
            let group: Vec<_> = self.stores.drain(..count).collect();
            let mut share = |share: f64| {
                let done = first + (share * count as f64) as usize;
                if done > told {
                    told = done;
                    progress(done, layers);
                }
            };
            distances.extend(self.group(first, group, cancel, &mut share).await?);
            share(1.0);
            self.gpu.trim();
        }
        Ok(MirResult::new(distances))
    }

    /// The distances of some layers; `first` is the index of the first of them.
    async fn group(
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
        let until_factors = |share: f64| 0.2 * share;
        gpu.run_with(&recording, cancel, &mut |share| {
            progress(until_factors(share))
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
            progress(0.2 + 0.1 * (layer + 1) as f64 / stores.len() as f64);
        }
        drop((read, stores, sides));
        let traces = self
            .traces(factors, cancel, &mut |share| progress(0.3 + 0.7 * share))
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
            recording.push(matmul(gpu, low, high, &Matmul::default(), &k)?);
            let (calls, factor) =
                polar::nuclear_norm(gpu, &k, (&squares, layer), (&dots, layer * span))?;
            recording.extend(calls);
            products.push(Some((k.rows(), factor)));
        }
        gpu.run_with(&recording, cancel, progress).await?;
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

/// What came back of one modality.
struct Statistics {
    stats: Readback,
    means: [Readback; 2],
    squares: Readback,
    /// Both parts of each layer's Gram matrix.
    grams: Vec<[Readback; 2]>,
}

impl Statistics {
    /// Takes the tensors in the order of [`Clouds::tensors`].
    fn new(read: Vec<Readback>) -> Self {
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
            grams: std::iter::from_fn(|| Some([read.next()?, read.next()?])).collect(),
        }
    }

    /// One layer's scalars; `first` is the index of the group's first layer.
    fn cloud(
        &self,
        layer: usize,
        first: usize,
        modality: Modality,
        tokens: usize,
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
            norms,
            mean,
            trace: squares / (scale * scale) / (tokens - 1) as f64,
        })
    }
}

fn row(read: &Readback, index: usize) -> &[f32] {
    read.values
        .get(index * read.cols..(index + 1) * read.cols)
        .unwrap_or(&[])
}
