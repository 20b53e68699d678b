//! What pairs say of each other: linear CKA and the overlap of nearest neighbours, of the mean vision token and the
//! mean text token of each pair.

use super::{
    AlignmentError,
    metric::{
        Finding, Metric, Observation, SavedPair, Saving, Setup, StateId, enter_derivatives,
        enter_overall, every_layer, mean_over_states, tensor_bytes,
    },
    neighbors::{FEWEST, SharedNeighbors},
    similarity::{Moved, centered_kernel_alignment},
};
use crate::{
    gpu::{DType, Gpu, GpuError, Readback, Recording, Tensor},
    kernels::{
        column_sums::{ColumnSums, column_totals},
        gather_rows::gather_rows,
    },
    platform::{self, Cancel},
    words::counted,
};

/// What it gives.
pub(super) const IDS: [&str; 2] = ["linear-cka", "mutual-knn"];

/// Most pairs that are compared with each other: the work grows with their square.
const MOST_PAIRS: usize = 256;
/// Neighbours of each pair, where there are enough pairs.
const NEIGHBORS: usize = 10;

const CKA: [&str; 3] = [
    IDS[0],
    "linear CKA, unbiased",
    "How alike the pairs lie to each other by their mean vision tokens and by their mean text tokens (arXiv \
     1905.00414 with the unbiased estimator of 2010.15327): 1 alike, about 0 unrelated. The text has read the \
     picture, and its own mean says little of its order; below some 50 pairs it is noise.",
];

const KNN: [&str; 3] = [
    IDS[1],
    "shared nearest neighbours",
    "The share of the nearest pairs by mean vision token that are also nearest by mean text token, by cosine \
     (arXiv 2405.07987). Chance is the number of neighbours over that of the other pairs.",
];

/// Keeps the mean vision token and the mean text token of each pair.
struct Pooled {
    gpu: Gpu,
    layers: usize,
    /// Vision and text of each layer, `[pairs, hidden_size]`.
    means: Vec<[Tensor; 2]>,
    pushed: usize,
    /// Pairs that were shown to it, those beyond [`MOST_PAIRS`] included.
    shown: usize,
    intervals: bool,
}

/// See [`MetricKind::bytes`](super::MetricKind::bytes).
pub(super) fn bytes(setup: &Setup<'_>) -> u64 {
    let rows = setup.pairs.min(MOST_PAIRS);
    2 * tensor_bytes(rows, setup.hidden_size) * setup.layers as u64
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
    let means = || gpu.tensor(DType::F32, pairs.min(MOST_PAIRS), hidden_size);
    Ok(Box::new(Pooled {
        gpu: gpu.clone(),
        layers,
        means: (0..layers)
            .map(|_| Ok([means()?, means()?]))
            .collect::<Result<_, AlignmentError>>()?,
        pushed: 0,
        shown: 0,
        intervals,
    }))
}

impl Metric for Pooled {
    fn states(&self) -> Vec<StateId> {
        every_layer(self.layers)
    }

    fn push(
        &mut self,
        recording: &mut Recording,
        pair: &Observation<'_>,
    ) -> Result<(), AlignmentError> {
        self.shown += 1;
        if self.pushed == MOST_PAIRS {
            return Ok(());
        }
        let gpu = &self.gpu;
        for (side, indices) in pair.rows(gpu)?.iter().enumerate() {
            let mean = ColumnSums {
                factor: 1.0 / indices.cols() as f32,
                ..ColumnSums::default()
            };
            for (state, means) in self.states().into_iter().zip(&self.means) {
                let state = pair.state(state)?;
                let own = gpu.tensor(DType::F32, indices.cols(), state.cols())?;
                recording.push(gather_rows(indices, state, 0, &own, 0)?);
                recording.extend(column_totals(gpu, &own, &mean, &means[side], self.pushed)?);
            }
        }
        self.pushed += 1;
        Ok(())
    }

    fn finish(self: Box<Self>, cancel: Cancel) -> Finding {
        Box::pin(async move {
            let pairs = self.pushed;
            let k = NEIGHBORS.min(pairs.saturating_sub(1) / 2);
            let (mut cka, mut knn) = (Vec::new(), Vec::new());
            let mut shared = SharedNeighbors::new(pairs, k, self.intervals);
            for means in &self.means {
                let read = self.gpu.read(&[&means[0], &means[1]]).await?;
                if cancel.is_cancelled() {
                    return Err(GpuError::Cancelled.into());
                }
                let [vision, text] = [rows(read.first(), pairs), rows(read.get(1), pairs)];
                cka.push(centered_kernel_alignment(&vision, &text));
                knn.push(shared.of(&vision, &text));
                platform::yield_now().await;
            }
            let all = counted(pairs, "pair");
            let mut neighbors = format!("{all}, {} each", counted(k, "neighbour"));
            if self.intervals && pairs < FEWEST {
                neighbors += &format!("; no interval below {FEWEST} pairs");
            }
            // A pair that was not compared moves nothing.
            let of_all = |mut moved: Vec<f64>| {
                if !moved.is_empty() {
                    moved.resize(self.shown, 0.0);
                }
                moved
            };
            let entry = |words, found: Vec<Option<Moved>>, basis| {
                let values = found.iter().map(|it| it.as_ref().map(|it| it.value));
                let mut entry = mean_over_states(words, values.collect(), self.layers, basis);
                if self.intervals {
                    let by_pair = found.into_iter();
                    let by_pair =
                        by_pair.map(|it| of_all(it.map_or_else(Vec::new, |it| it.by_sample)));
                    enter_derivatives(&mut entry, &by_pair.collect::<Vec<_>>());
                }
                entry
            };
            let mut neighbors = entry(KNN, knn, neighbors);
            enter_overall(&mut neighbors, of_all(shared.overall()));
            Ok(vec![entry(CKA, cka, all), neighbors])
        })
    }

    fn saved(&self) -> Saving<'_> {
        Box::pin(async move {
            // Of pairs beyond the most that are compared there is nothing.
            let mut found = vec![SavedPair::default(); self.shown];
            for means in self.means.iter().flatten() {
                for read in self.gpu.read(&[means]).await? {
                    let rows = read.values.chunks_exact(read.cols.max(1));
                    for (pair, row) in found.iter_mut().take(self.pushed).zip(rows) {
                        pair.values.extend(row);
                    }
                }
            }
            Ok(Some(found))
        })
    }

    fn restore(
        &mut self,
        recording: &mut Recording,
        pair: &SavedPair,
    ) -> Result<(), AlignmentError> {
        self.shown += 1;
        if self.pushed == MOST_PAIRS {
            return Ok(());
        }
        let width = (self.means.first()).map_or(0, |[vision, _]| vision.cols());
        let rows = pair.matrices(&vec![[1, width]; 2 * self.layers])?;
        for (means, row) in self.means.iter().flatten().zip(rows) {
            let own = self.gpu.upload(1, width, row)?;
            recording.copy_rows(&own, 0, means, self.pushed, 1)?;
        }
        self.pushed += 1;
        Ok(())
    }
}

/// The first rows of what was read, in f64.
fn rows(read: Option<&Readback>, count: usize) -> Vec<Vec<f64>> {
    let Some(read) = read else { return Vec::new() };
    let rows = read.values.chunks_exact(read.cols.max(1)).take(count);
    rows.map(|row| row.iter().map(|&value| f64::from(value)).collect())
        .collect()
}
