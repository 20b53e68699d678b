//! What the directions of tokens say: the Chamfer distance by cosine and the gap of the centroids.
//!
//! ```text
//! C(v -> t) = mean_i max_j cos(v_i, t_j),   C = (C(v -> t) + C(t -> v)) / 2
//! ```
//!
//! per pair and then averaged over the pairs: the deep embedding alignment of VILA (arXiv 2312.07533), whose
//! aggregation the paper leaves open. The gap (arXiv 2203.02053) is the distance between the means of the unit
//! vectors of all vision tokens and of all text tokens. With the means `a` and `b` of `N` tokens each, and the sums `U_p`
//! over the `n_p` tokens of pair p, its derivative by the weight of p is
//!
//! ```text
//! (a - b) / |a - b| . ((U_vp - n_vp a) / N_v - (U_tp - n_tp b) / N_t)
//! ```

use super::{
    AlignmentError,
    metric::{
        Finding, Metric, Observation, SavedPair, Saving, Setup, StateId, enter_derivatives,
        every_layer, mean_over_states, of_ratio, tensor_bytes,
    },
};
use crate::{
    gpu::{DType, Gpu, GpuError, Readback, Recording, Tensor},
    kernels::{
        add_rows::add_rows,
        column_sums::{ColumnSums, column_totals},
        matmul::{Matmul, matmul},
        row_maxima::row_maxima,
        unit_rows::unit_rows,
    },
    platform::Cancel,
    report::{MetricReport, basis_of_tokens},
    words::counted,
};

/// What it gives.
pub(super) const IDS: [&str; 4] = [
    "chamfer-cosine",
    "chamfer-vision-to-text",
    "chamfer-text-to-vision",
    "centroid-gap",
];

const CHAMFER: [[&str; 3]; 3] = [
    [
        IDS[0],
        "Chamfer similarity by cosine",
        "How near each token is to the nearest one of the other modality in its pair, as a cosine, both ways and \
         averaged (VILA, arXiv 2312.07533; its aggregation is not given there). Higher is nearer. A direction \
         that all tokens share raises it whatever they mean.",
    ],
    [
        IDS[1],
        "Chamfer similarity, vision to text",
        "The mean over the vision tokens of the largest cosine with a text token of the pair.",
    ],
    [
        IDS[2],
        "Chamfer similarity, text to vision",
        "The mean over the text tokens of the largest cosine with a vision token of the pair. More vision tokens \
         raise it by chance alone.",
    ],
];

const GAP: [&str; 3] = [
    IDS[3],
    "centroid gap",
    "Distance between the mean directions of the two modalities, 0 to 2 (arXiv 2203.02053). Lower is nearer; it \
     says nothing of how the clouds are spread.",
];

/// Most bytes of sums that are kept pair by pair for intervals of the gap: beyond it there are none.
const MOST_SUMS: u64 = 256 << 20;

/// Collects per pair and layer the means of the largest cosines, and over all pairs the sums of the unit
/// vectors.
struct Directions {
    gpu: Gpu,
    layers: usize,
    pairs: usize,
    /// Vision to text and text to vision, one row per layer and pair.
    nearest: [Tensor; 2],
    hidden_size: usize,
    sums: Sums,
    /// Tokens of each pair: vision, text.
    tokens: Vec<[usize; 2]>,
    intervals: bool,
}

/// Sums of the unit vectors of each modality.
enum Sums {
    /// Over all pairs, `[layers, hidden_size]`; none before the first pair.
    All(Option<[Tensor; 2]>),
    /// Over each pair, one row per layer and pair.
    OfPairs([Tensor; 2]),
}

/// Whether sums are kept pair by pair.
fn by_pair(setup: &Setup<'_>) -> bool {
    let rows = tensor_bytes(1, setup.hidden_size).saturating_mul(setup.layers as u64);
    setup.intervals && rows.saturating_mul(2 * setup.pairs as u64) <= MOST_SUMS
}

/// See [`MetricKind::bytes`](super::MetricKind::bytes).
pub(super) fn bytes(setup: &Setup<'_>) -> u64 {
    let pairs = if by_pair(setup) { setup.pairs } else { 1 };
    let sums = 2 * tensor_bytes(setup.layers * pairs, setup.hidden_size);
    sums + 2 * tensor_bytes(setup.layers * setup.pairs, 1)
}

/// Takes the memory for it.
pub(super) fn new(setup: &Setup<'_>) -> Result<Box<dyn Metric>, AlignmentError> {
    let &Setup {
        gpu,
        layers,
        hidden_size,
        pairs,
        intervals,
        ..
    } = setup;
    let column = || gpu.tensor(DType::F32, layers * pairs, 1);
    let rows = || gpu.tensor(DType::F32, layers * pairs, hidden_size);
    Ok(Box::new(Directions {
        gpu: gpu.clone(),
        layers,
        pairs,
        nearest: [column()?, column()?],
        hidden_size,
        sums: match by_pair(setup) {
            true => Sums::OfPairs([rows()?, rows()?]),
            false => Sums::All(None),
        },
        tokens: Vec::new(),
        intervals,
    }))
}

impl Directions {
    /// The mean of the largest cosine of each row of `from` with a row of `to`.
    fn nearest(
        &self,
        recording: &mut Recording,
        [from, to]: [&Tensor; 2],
        out: &Tensor,
        row: usize,
    ) -> Result<(), AlignmentError> {
        let gpu = &self.gpu;
        let cosines = gpu.tensor(DType::F32, from.rows(), to.rows())?;
        recording.extend(matmul(gpu, from, to, &Matmul::default(), &cosines)?);
        let largest = gpu.tensor(DType::F32, from.rows(), 1)?;
        recording.push(row_maxima(gpu.kernels(), &cosines, &largest, 0)?);
        let mean = ColumnSums {
            factor: 1.0 / from.rows() as f32,
            ..ColumnSums::default()
        };
        recording.extend(column_totals(gpu, &largest, &mean, out, row)?);
        Ok(())
    }
}

impl Metric for Directions {
    fn states(&self) -> Vec<StateId> {
        every_layer(self.layers)
    }

    fn push(
        &mut self,
        recording: &mut Recording,
        pair: &Observation<'_>,
    ) -> Result<(), AlignmentError> {
        let gpu = &self.gpu;
        let sets = pair.rows(gpu)?;
        let width = self.hidden_size;
        let sums = || gpu.tensor(DType::F32, self.layers, width);
        let pushed = self.tokens.len();
        // The rows of this pair: beside those of the others, or apart.
        let (of_pair, stride, first) = match &self.sums {
            Sums::OfPairs(all) => (all.clone(), self.pairs, pushed),
            Sums::All(_) => ([sums()?, sums()?], 1, 0),
        };
        for (layer, state) in self.states().into_iter().enumerate() {
            let state = pair.state(state)?;
            let mut units = Vec::with_capacity(2);
            for (set, sums) in sets.iter().zip(&of_pair) {
                let unit = gpu.tensor(DType::F32, set.cols(), width)?;
                recording.push(unit_rows(gpu.kernels(), set, state, &unit)?);
                let sum = ColumnSums::default();
                let row = layer * stride + first;
                recording.extend(column_totals(gpu, &unit, &sum, sums, row)?);
                units.push(unit);
            }
            let row = layer * self.pairs + pushed;
            let [vision, text] = [&units[0], &units[1]];
            self.nearest(recording, [vision, text], &self.nearest[0], row)?;
            self.nearest(recording, [text, vision], &self.nearest[1], row)?;
        }
        self.add(recording, of_pair)?;
        self.tokens.push([pair.vision.len(), pair.text.len()]);
        Ok(())
    }

    fn finish(self: Box<Self>, _: Cancel) -> Finding {
        Box::pin(async move {
            let sums = match &self.sums {
                Sums::All(sums) => sums.iter().flatten().collect::<Vec<_>>(),
                Sums::OfPairs(sums) => sums.iter().collect(),
            };
            let tensors = self.nearest.iter().chain(sums);
            let read = self.gpu.read(&tensors.collect::<Vec<_>>()).await?;
            let (nearest, sums) = read.split_at(2);
            let mut all = self.similarities(nearest);
            all.push(self.gap(sums));
            Ok(all)
        })
    }

    fn saved(&self) -> Saving<'_> {
        Box::pin(async move {
            let Sums::OfPairs(sums) = &self.sums else {
                return Ok(None);
            };
            let tensors: Vec<&Tensor> = self.nearest.iter().chain(sums).collect();
            let read = self.gpu.read(&tensors).await?;
            let of_pair = |(pair, &tokens): (usize, &[usize; 2])| {
                let rows = |read: &Readback| {
                    let layers = (0..self.layers).map(|layer| layer * self.pairs + pair);
                    let values = layers.map(|row| &read.values[row * read.cols..][..read.cols]);
                    values.flatten().copied().collect::<Vec<f32>>()
                };
                SavedPair {
                    tokens,
                    values: read.iter().flat_map(rows).collect(),
                }
            };
            Ok(Some(self.tokens.iter().enumerate().map(of_pair).collect()))
        })
    }

    fn restore(
        &mut self,
        recording: &mut Recording,
        pair: &SavedPair,
    ) -> Result<(), AlignmentError> {
        let (layers, width) = (self.layers, self.hidden_size);
        let parts = pair.matrices(&[[layers, 1], [layers, 1], [layers, width], [layers, width]])?;
        let [to_text, to_vision, vision, text] = parts[..] else {
            return Ok(());
        };
        let pushed = self.tokens.len();
        let rows = |recording: &mut Recording, values: &[f32], target: &Tensor| {
            let own = self.gpu.upload(layers, target.cols(), values)?;
            for layer in 0..layers {
                recording.copy_rows(&own, layer, target, layer * self.pairs + pushed, 1)?;
            }
            Ok::<(), GpuError>(())
        };
        rows(recording, to_text, &self.nearest[0])?;
        rows(recording, to_vision, &self.nearest[1])?;
        match &self.sums {
            Sums::OfPairs([of_vision, of_text]) => {
                rows(recording, vision, of_vision)?;
                rows(recording, text, of_text)?;
            }
            Sums::All(_) => {
                let own = |values| self.gpu.upload(layers, width, values);
                let of_pair = [own(vision)?, own(text)?];
                self.add(recording, of_pair)?;
            }
        }
        self.tokens.push(pair.tokens);
        Ok(())
    }
}

impl Directions {
    /// Adds the sums of a pair to those of all, where these are not kept apart.
    fn add(
        &mut self,
        recording: &mut Recording,
        of_pair: [Tensor; 2],
    ) -> Result<(), AlignmentError> {
        let Sums::All(so_far) = &mut self.sums else {
            return Ok(());
        };
        let sums = || self.gpu.tensor(DType::F32, self.layers, self.hidden_size);
        *so_far = Some(match so_far.take() {
            None => of_pair,
            Some(so_far) => {
                let both = [sums()?, sums()?];
                for ((so_far, of_pair), both) in so_far.iter().zip(&of_pair).zip(&both) {
                    recording.push(add_rows(so_far, 0, of_pair, both)?);
                }
                both
            }
        });
        Ok(())
    }

    /// The similarities, from the mean largest cosines of each layer and pair: to text, to vision.
    fn similarities(&self, nearest: &[Readback]) -> Vec<MetricReport> {
        let pairs = self.tokens.len();
        let of_layer = |side: usize, layer: usize| -> Option<Vec<f64>> {
            let own = nearest.get(side)?.values.get(layer * self.pairs..)?;
            Some(own.get(..pairs)?.iter().map(|&it| f64::from(it)).collect())
        };
        let both = |layer: usize| {
            let [to_text, to_vision] = [of_layer(0, layer)?, of_layer(1, layer)?];
            let means = to_text.iter().zip(&to_vision).map(|(a, b)| (a + b) / 2.0);
            Some(means.collect())
        };
        type OfLayer<'a> = &'a dyn Fn(usize) -> Option<Vec<f64>>;
        let directions: [OfLayer<'_>; 3] = [&both, &|layer| of_layer(0, layer), &|layer| {
            of_layer(1, layer)
        }];
        let entry = |words, of: OfLayer<'_>| {
            let found: Vec<Vec<f64>> = (0..self.layers)
                .map(|layer| of(layer).unwrap_or_default())
                .collect();
            let mean = |values: &Vec<f64>| {
                (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
            };
            let values = found.iter().map(mean).collect();
            let mut entry = mean_over_states(words, values, self.layers, counted(pairs, "pair"));
            if self.intervals {
                let parts = |values: &Vec<f64>| values.iter().map(|&it| [it, 1.0]).collect();
                let moved = found
                    .iter()
                    .map(parts)
                    .map(|parts: Vec<_>| of_ratio(&parts));
                enter_derivatives(&mut entry, &moved.collect::<Vec<_>>());
            }
            entry
        };
        let pairs = CHAMFER.into_iter().zip(directions);
        pairs.map(|(words, of)| entry(words, of)).collect()
    }

    /// The gap of the centroids, from the sums of the unit vectors: vision, text.
    fn gap(&self, sums: &[Readback]) -> MetricReport {
        let (width, pairs) = (self.hidden_size, self.tokens.len());
        let tokens = [0, 1].map(|side: usize| self.tokens.iter().map(|it| it[side]).sum());
        let counts = tokens.map(|tokens: usize| tokens as f64);
        let (stride, rows) = match &self.sums {
            Sums::All(_) => (1, 1),
            Sums::OfPairs(_) => (self.pairs, pairs),
        };
        // The sums that a layer has of a modality: of each pair, or of all together.
        let of_layer = |side: usize, layer: usize| -> Option<Vec<&[f32]>> {
            let values = &sums.get(side)?.values;
            let row = |row: usize| {
                let begin = (layer * stride + row) * width;
                values.get(begin..begin + width)
            };
            (0..rows).map(row).collect()
        };
        let mean = |sums: &[&[f32]], count: f64| -> Vec<f64> {
            let mut mean = vec![0.0; width];
            for sum in sums {
                for (mean, &x) in mean.iter_mut().zip(*sum) {
                    *mean += f64::from(x) / count;
                }
            }
            mean
        };
        let dot = |row: &[f32], with: &[f64]| -> f64 {
            row.iter().zip(with).map(|(&x, y)| f64::from(x) * y).sum()
        };
        let (mut values, mut moved) = (Vec::new(), Vec::new());
        for layer in 0..self.layers {
            let (Some(vision), Some(text)) = (of_layer(0, layer), of_layer(1, layer)) else {
                values.push(None);
                moved.push(Vec::new());
                continue;
            };
            let sides = [vision, text];
            let means = [0, 1].map(|side: usize| mean(&sides[side], counts[side]));
            let apart: Vec<f64> = means[0].iter().zip(&means[1]).map(|(a, b)| a - b).collect();
            let gap = apart.iter().map(|x| x * x).sum::<f64>().sqrt();
            values.push(gap.is_finite().then_some(gap));
            if matches!(self.sums, Sums::All(_)) || gap <= 0.0 {
                moved.push(Vec::new());
                continue;
            }
            let along: Vec<f64> = apart.iter().map(|x| x / gap).collect();
            let of_mean =
                means.map(|mean| mean.iter().zip(&along).map(|(a, b)| a * b).sum::<f64>());
            let by = |pair: usize, side: usize| {
                let own = self.tokens[pair][side] as f64;
                (dot(sides[side][pair], &along) - own * of_mean[side]) / counts[side]
            };
            moved.push((0..pairs).map(|pair| by(pair, 0) - by(pair, 1)).collect());
        }
        let mut entry = mean_over_states(GAP, values, self.layers, basis_of_tokens(tokens));
        enter_derivatives(&mut entry, &moved);
        entry
    }
}
