//! What the image does to the states of the text: each text token with the image before it and without.
//!
//! ```text
//! mean_j ||h_j - h'_j|| / ||h_j||,   mean_j cos(h_j, h'_j)
//! ```
//!
//! over all text tokens j, where h' is the state of the same token in the same prompt without what stands for images.

use super::{
    AlignmentError,
    metric::{
        Finding, Metric, MetricKind, Observation, SavedPair, Saving, Setup, StateId,
        enter_derivatives, every_layer, mean_over_states, of_ratio, state_of, tensor_bytes,
    },
};
use crate::{
    gpu::{DType, Gpu, Recording, Tensor},
    kernels::{
        column_sums::{ColumnSums, column_totals},
        gather_rows::gather_rows,
        row_changes::row_changes,
    },
    platform::Cancel,
    words::counted,
};

/// What it gives.
const IDS: [&str; 2] = ["image-effect-distance", "image-effect-cosine"];

const ENTRIES: [[&str; 3]; 2] = [
    [
        IDS[0],
        "effect of the image on the text, distance",
        "How far the text tokens' states move when the image is taken out of the prompt, relative to their length: 0 \
         where the image does nothing. The prompt also becomes shorter and the text moves up in it, which alone has \
         an effect; and an effect need not be an understanding.",
    ],
    [
        IDS[1],
        "effect of the image on the text, cosine",
        "The cosine of the text tokens' states with the image and without: 1 where the image does nothing. A direction \
         that all states share hides changes.",
    ],
];

/// What the image does to the text; it asks for a second forward pass of each pair.
pub const IMAGE_EFFECT: MetricKind = MetricKind {
    ids: &IDS,
    new,
    bytes: |setup| tensor_bytes(setup.layers * setup.pairs, IDS.len()),
    of_model: Some(|pair| pair.layers * IDS.len()),
};

struct ImageEffect {
    gpu: Gpu,
    layers: usize,
    pairs: usize,
    /// Sums over the text tokens of both, one row per layer and pair.
    sums: Tensor,
    /// Text tokens of each pair.
    tokens: Vec<usize>,
    intervals: bool,
}

fn new(setup: &Setup<'_>) -> Result<Box<dyn Metric>, AlignmentError> {
    let &Setup {
        gpu,
        layers,
        pairs,
        intervals,
        ..
    } = setup;
    Ok(Box::new(ImageEffect {
        gpu: gpu.clone(),
        layers,
        pairs,
        sums: gpu.tensor(DType::F32, layers * pairs, IDS.len())?,
        tokens: Vec::new(),
        intervals,
    }))
}

impl Metric for ImageEffect {
    fn states(&self) -> Vec<StateId> {
        every_layer(self.layers)
    }

    fn push(
        &mut self,
        recording: &mut Recording,
        pair: &Observation<'_>,
    ) -> Result<(), AlignmentError> {
        let gpu = &self.gpu;
        let missing = |found: String| AlignmentError::States {
            expected: format!("{} text tokens without the image as well", pair.text.len()),
            found,
        };
        let Some(other) = pair.without_image else {
            return Err(missing("none".to_owned()));
        };
        let rows = other.text;
        if rows.len() != pair.text.len() || rows.is_empty() {
            return Err(missing(rows.len().to_string()));
        }
        let tokens = rows.len();
        let indices = [gpu.upload_indices(pair.text)?, gpu.upload_indices(rows)?];
        for (layer, id) in self.states().into_iter().enumerate() {
            let states = [pair.state(id)?, state_of(other.states, id)?];
            if let Some(row) = rows.iter().find(|&&row| row as usize >= states[1].rows()) {
                return Err(missing(format!("row {row} of {}", states[1].rows())));
            }
            let gathered = [0, 1].map(|side: usize| -> Result<Tensor, AlignmentError> {
                let own = gpu.tensor(DType::F32, tokens, states[side].cols())?;
                recording.push(gather_rows(&indices[side], states[side], 0, &own, 0)?);
                Ok(own)
            });
            let [with, without] = gathered;
            let changes = gpu.tensor(DType::F32, tokens, IDS.len())?;
            recording.push(row_changes(gpu.kernels(), &with?, &without?, &changes)?);
            let row = layer * self.pairs + self.tokens.len();
            let sum = ColumnSums::default();
            recording.extend(column_totals(gpu, &changes, &sum, &self.sums, row)?);
        }
        self.tokens.push(tokens);
        Ok(())
    }

    fn finish(self: Box<Self>, _: Cancel) -> Finding {
        Box::pin(async move {
            let read = self.gpu.read(&[&self.sums]).await?;
            let sums = read.first().map_or(&[][..], |it| &it.values);
            // Sum and number of tokens of each pair.
            let parts = |layer: usize, column: usize| -> Vec<[f64; 2]> {
                let own = self
                    .tokens
                    .iter()
                    .enumerate()
                    .filter_map(|(pair, &tokens)| {
                        let row = layer * self.pairs + pair;
                        let sum = sums.get(row * IDS.len() + column)?;
                        Some([f64::from(*sum), tokens as f64])
                    });
                own.collect()
            };
            let all: usize = self.tokens.iter().sum();
            let mean = |layer: usize, column: usize| {
                let sum: f64 = parts(layer, column).iter().map(|[sum, _]| sum).sum();
                (all > 0).then(|| sum / all as f64)
            };
            let tokens = counted(all, "text token");
            let basis = format!("{tokens} of {}", counted(self.tokens.len(), "pair"));
            let entries = ENTRIES.into_iter().enumerate().map(|(column, words)| {
                let values = (0..self.layers).map(|layer| mean(layer, column));
                let values = values.collect();
                let mut entry = mean_over_states(words, values, self.layers, basis.clone());
                if self.intervals {
                    let moved = (0..self.layers).map(|layer| of_ratio(&parts(layer, column)));
                    enter_derivatives(&mut entry, &moved.collect::<Vec<_>>());
                }
                entry
            });
            Ok(entries.collect())
        })
    }

    /// Both sums of each layer.
    fn saved(&self) -> Saving<'_> {
        Box::pin(async move {
            let read = self.gpu.read(&[&self.sums]).await?;
            let sums = read.first().map_or(&[][..], |it| &it.values);
            let rows = sums.chunks_exact(IDS.len());
            let mut found: Vec<SavedPair> = (self.tokens.iter())
                .map(|&text| SavedPair {
                    tokens: [0, text],
                    values: Vec::with_capacity(self.layers * IDS.len()),
                })
                .collect();
            for (place, row) in rows.enumerate() {
                if let Some(pair) = found.get_mut(place % self.pairs) {
                    pair.values.extend(row);
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
        pair.matrices(&[[self.layers, IDS.len()]])?;
        let rows = (self.gpu).upload(self.layers, IDS.len(), &pair.values)?;
        for layer in 0..self.layers {
            let row = layer * self.pairs + self.tokens.len();
            recording.copy_rows(&rows, layer, &self.sums, row, 1)?;
        }
        self.tokens.push(pair.tokens[1]);
        Ok(())
    }
}
