//! What the directions of tokens say: the Chamfer distance by cosine and the gap of the centroids.
//!
//! ```text
//! C(v -> t) = mean_i max_j cos(v_i, t_j),   C = (C(v -> t) + C(t -> v)) / 2
//! ```
//!
//! per pair and then averaged over the pairs: the deep embedding alignment of VILA (arXiv 2312.07533), whose
//! aggregation the paper leaves open. The gap (arXiv 2203.02053) is the distance between the means of the unit
//! vectors of all vision tokens and of all text tokens.

use super::{
    AlignmentError,
    metric::{Finding, Metric, Observation, Setup, StateId, every_layer, mean_over_states},
};
use crate::{
    gpu::{DType, Gpu, Recording, Tensor},
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

/// Collects per pair and layer the means of the largest cosines, and over all pairs the sums of the unit
/// vectors.
struct Directions {
    gpu: Gpu,
    layers: usize,
    pairs: usize,
    /// Vision to text and text to vision, one row per layer and pair.
    nearest: [Tensor; 2],
    hidden_size: usize,
    /// Sums of the unit vectors of each modality, `[layers, hidden_size]`; none before the first pair.
    sums: Option<[Tensor; 2]>,
    tokens: [usize; 2],
    pushed: usize,
}

/// Takes the memory for it.
pub(super) fn new(setup: &Setup<'_>) -> Result<Box<dyn Metric>, AlignmentError> {
    let &Setup {
        gpu,
        layers,
        hidden_size,
        pairs,
        ..
    } = setup;
    let column = || gpu.tensor(DType::F32, layers * pairs, 1);
    Ok(Box::new(Directions {
        gpu: gpu.clone(),
        layers,
        pairs,
        nearest: [column()?, column()?],
        hidden_size,
        sums: None,
        tokens: [0, 0],
        pushed: 0,
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
        let of_pair = [sums()?, sums()?];
        for (layer, state) in self.states().into_iter().enumerate() {
            let state = pair.state(state)?;
            let mut units = Vec::with_capacity(2);
            for (set, sums) in sets.iter().zip(&of_pair) {
                let unit = gpu.tensor(DType::F32, set.cols(), width)?;
                recording.push(unit_rows(gpu.kernels(), set, state, &unit)?);
                let sum = ColumnSums::default();
                recording.extend(column_totals(gpu, &unit, &sum, sums, layer)?);
                units.push(unit);
            }
            let row = layer * self.pairs + self.pushed;
            let [vision, text] = [&units[0], &units[1]];
            self.nearest(recording, [vision, text], &self.nearest[0], row)?;
            self.nearest(recording, [text, vision], &self.nearest[1], row)?;
        }
        self.sums = Some(match self.sums.take() {
            None => of_pair,
            Some(so_far) => {
                let both = [sums()?, sums()?];
                for ((so_far, of_pair), both) in so_far.iter().zip(&of_pair).zip(&both) {
                    recording.push(add_rows(so_far, 0, of_pair, both)?);
                }
                both
            }
        });
        self.tokens[0] += pair.vision.len();
        self.tokens[1] += pair.text.len();
        self.pushed += 1;
        Ok(())
    }

    fn finish(self: Box<Self>, _: Cancel) -> Finding {
        Box::pin(async move {
            let [to_text, to_vision] = &self.nearest;
            let tensors = [to_text, to_vision].into_iter();
            let tensors: Vec<&Tensor> = tensors.chain(self.sums.iter().flatten()).collect();
            let read = self.gpu.read(&tensors).await?;
            let pairs = self.pushed;
            let mean = |side: usize, layer: usize| {
                let own = read
                    .get(side)?
                    .values
                    .get(layer * self.pairs..)?
                    .get(..pairs)?;
                let sum: f64 = own.iter().map(|&value| f64::from(value)).sum();
                Some(sum / pairs as f64)
            };
            let directions = |of: &dyn Fn(usize) -> Option<f64>| (0..self.layers).map(of).collect();
            let both = |layer| Some((mean(0, layer)? + mean(1, layer)?) / 2.0);
            let values: [Vec<Option<f64>>; 3] = [
                directions(&both),
                directions(&|layer| mean(0, layer)),
                directions(&|layer| mean(1, layer)),
            ];
            let gap = |layer: usize| {
                let row = |side: usize| {
                    let sums = read.get(2 + side)?;
                    sums.values.get(layer * sums.cols..(layer + 1) * sums.cols)
                };
                let [n_vision, n_text] = self.tokens.map(|n| n as f64);
                let squares = (row(0)?.iter().zip(row(1)?))
                    .map(|(&v, &t)| (f64::from(v) / n_vision - f64::from(t) / n_text).powi(2));
                Some(squares.sum::<f64>().sqrt())
            };
            let of_pairs = counted(pairs, "pair");
            let mut all: Vec<MetricReport> = (CHAMFER.into_iter().zip(values))
                .map(|(words, values)| {
                    mean_over_states(words, values, self.layers, of_pairs.clone())
                })
                .collect();
            let tokens = basis_of_tokens(self.tokens);
            let gaps = (0..self.layers).map(gap).collect();
            all.push(mean_over_states(GAP, gaps, self.layers, tokens));
            Ok(all)
        })
    }
}
