//! Files of statistics that have sums of the states instead of the states.
//!
//! A file in safetensors format, of which the text `piece` says which shard it is, as in one of states, and the text `sums`
//! what is in it ([`SumsAbout`]), `words` the model's words where a metric names some: one or several parts, each of some of the shard's pairs, for an interrupted run goes on
//! with a part of its own. All values are f32 but the sums of the tensors, by which a merge knows that nothing has changed:
//!
//! | tensor | shape | what |
//! |---|---|---|
//! | `checksums` | `[tensors]` i64 | a sum of each of the others, in their order |
//! | `parts.P.STATE.MODALITY.NAME` | `[values]` | what [`SavedSums`] has of a modality at a state |
//! | `parts.P.metrics.M` | `[values]` | what the metric M kept of each pair, one pair behind another |
//!
//! A tensor without values is left out.

mod merge;
mod read;
mod run;
mod write;

use serde::{Deserialize, Serialize};

use super::{piece::Piece, refused, source::measured, tensor_name};
use crate::{
    alignment::{Modality, SavedSize, SavedSums},
    engine::EngineError,
};

pub(super) use merge::has_sums;
#[cfg(fuzzing)]
pub(super) use read::tried;
pub(super) use run::{SumsRun, sums_fit};

/// The key of [`SumsAbout`] in a header's texts.
pub(super) const SUMS_KEY: &str = "sums";
/// Version of the format, raised when something changes its meaning.
const SUMS_FORMAT: u64 = 1;
/// Widest states.
const MOST_WIDTH: usize = 1 << 16;
/// Most decoder layers, as of a checkpoint's configuration: each has entries of its own in a file.
const MOST_LAYERS: usize = 1024;
/// Tokens of a part whose numbers are exact.
const MOST_TOKENS: usize = 1 << 24;

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SumsAbout {
    /// [`SUMS_FORMAT`].
    format: u64,
    /// Width of a state.
    width: usize,
    /// The first ids of the metrics that kept something.
    metrics: Vec<String>,
    /// Its parts.
    parts: Vec<PartAbout>,
}

/// Some pairs of a shard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct PartAbout {
    /// Their numbers, ascending.
    numbers: Vec<u64>,
    /// The tokens of each: vision, text.
    tokens: Vec<[usize; 2]>,
    /// Of each state the tokens that wait: vision, text.
    waiting: Vec<[usize; 2]>,
    /// Of each metric the values that it kept of each pair.
    kept: Vec<Vec<usize>>,
}

/// What the states of a measurement are called in its files.
fn state_names(piece: &Piece) -> Vec<String> {
    let layers = piece.model.num_hidden_layers;
    let own = measured(&piece.settings, layers);
    own.iter()
        .map(|state| tensor_name(state.id, layers))
        .collect()
}

impl PartAbout {
    /// How long the parts of a modality at a state are.
    fn size(
        &self,
        about: &SumsAbout,
        piece: &Piece,
        state: usize,
        modality: Modality,
    ) -> SavedSize {
        let side = modality.index();
        SavedSize {
            width: about.width,
            tokens: self.tokens.iter().map(|tokens| tokens[side]).sum(),
            waiting: self.waiting.get(state).map_or(0, |waiting| waiting[side]),
            outliers: piece.settings.outliers,
        }
    }

    /// Values that a metric kept of all pairs.
    fn values(&self, metric: usize) -> usize {
        self.kept.get(metric).map_or(0, |kept| kept.iter().sum())
    }
}

impl SumsAbout {
    /// What the tensors of the file are called and how many values each has, in their order.
    fn tensors(&self, piece: &Piece) -> Vec<(String, usize)> {
        let states = state_names(piece);
        let mut all = Vec::new();
        for (number, part) in self.parts.iter().enumerate() {
            for (state, state_name) in states.iter().enumerate() {
                for modality in Modality::ALL {
                    let size = part.size(self, piece, state, modality);
                    let names = SavedSums::NAMES.into_iter().zip(size.values());
                    all.extend(names.map(|(name, values)| {
                        (tensor(number, state_name, modality, name), values)
                    }));
                }
            }
            for (metric, name) in self.metrics.iter().enumerate() {
                all.push((metric_tensor(number, name), part.values(metric)));
            }
        }
        all.retain(|(_, values)| *values > 0);
        all
    }

    /// Reads the text of `file`.
    ///
    /// # Errors
    /// It is of another format, or contradicts itself or the piece.
    fn parse(file: &str, text: &str, piece: &Piece) -> Result<Self, EngineError> {
        let wrong = |what: String| {
            let reason = format!("`{SUMS_KEY}` in the header: {what}; measure the shard again");
            refused(file, reason)
        };
        let about: Self = serde_json::from_str(text).map_err(|error| {
            wrong(format!(
                "expected a JSON object that says what is in the file, found an error ({error})"
            ))
        })?;
        let found = about.format;
        if found != SUMS_FORMAT {
            return Err(wrong(format!(
                "expected format {SUMS_FORMAT}, found {found}"
            )));
        }
        let (width, model) = (about.width, piece.model.hidden_size);
        if width != model || width == 0 || width > MOST_WIDTH {
            let expected = format!("the model's width {model}, of at most {MOST_WIDTH}");
            return Err(wrong(format!("expected {expected}, found {width}")));
        }
        let layers = piece.model.num_hidden_layers;
        if !(1..=MOST_LAYERS).contains(&layers) {
            let expected = format!("1 to {MOST_LAYERS} decoder layers");
            return Err(wrong(format!("expected {expected}, found {layers}")));
        }
        let states = state_names(piece).len();
        for part in &about.parts {
            let pairs = part.numbers.len();
            let is_whole = part.tokens.len() == pairs
                && part.waiting.len() == states
                && part.kept.len() == about.metrics.len()
                && part.kept.iter().all(|kept| kept.len() == pairs);
            if !is_whole {
                return Err(wrong(format!(
                    "expected tokens of {pairs} pairs, {states} states and {} metrics in a part, found others",
                    about.metrics.len()
                )));
            }
            for modality in Modality::ALL {
                let tokens = part.tokens.iter().map(|tokens| tokens[modality.index()]);
                let tokens = tokens.fold(0, usize::saturating_add);
                let waiting = part.waiting.iter().map(|it| it[modality.index()]);
                let waiting = waiting.max().unwrap_or_default();
                if tokens == 0 || tokens > MOST_TOKENS || waiting > tokens {
                    return Err(wrong(format!(
                        "expected 1 to {MOST_TOKENS} {modality} tokens in a part, found {tokens}, of which {waiting} \
                         wait"
                    )));
                }
            }
            let kept = part.kept.iter().flatten();
            if kept.fold(0, |sum: u64, &values| sum.saturating_add(values as u64)) > 1 << 40 {
                return Err(wrong("more values of metrics than any file has".to_owned()));
            }
        }
        let mut numbers: Vec<u64> = (about.parts.iter())
            .flat_map(|part| part.numbers.iter().copied())
            .collect();
        numbers.sort_unstable();
        let twice = numbers.windows(2).find(|both| both[0] == both[1]);
        let stray = numbers.iter().find(|number| !piece.has(**number));
        if let Some(number) = stray.or(twice.map(|both| &both[0])) {
            return Err(piece.stray(file, SUMS_KEY, &number.to_string()));
        }
        Ok(about)
    }
}

fn tensor(part: usize, state: &str, modality: Modality, name: &str) -> String {
    format!("parts.{part}.{state}.{modality}.{name}")
}

fn metric_tensor(part: usize, metric: &str) -> String {
    format!("parts.{part}.metrics.{metric}")
}
