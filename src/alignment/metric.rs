//! The seam between captured states and what is computed of them.

use std::{future::Future, pin::Pin, sync::Arc};

use super::{AlignmentError, Modality};
use crate::{
    gpu::{DType, Gpu, Recording, Tensor},
    platform::Cancel,
    report::{MetricReport, StateValue, interval, shortened},
};

/// A state of the decoder that a metric takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateId {
    /// The embeddings with the image features in their places.
    Embeddings,
    /// The residual stream after decoder layer k, counted from 1; the last one before the final norm.
    Layer(usize),
    /// After the final norm.
    FinalNorm,
}

impl StateId {
    /// What a report calls it, for a decoder with `layers` layers.
    pub fn name(self, layers: usize) -> String {
        let (k, what) = match self {
            Self::Embeddings => (0, ""),
            Self::Layer(k) if k == layers => (k, " before the final norm"),
            Self::Layer(k) => (k, ""),
            Self::FinalNorm => (layers, " after the final norm"),
        };
        format!("hidden_states[{k}]{what}")
    }
}

/// The states of one pair, and which of its tokens count.
#[derive(Clone, Copy, Default)]
pub struct Observation<'a> {
    /// Each `[tokens, hidden_size]` f32, by name.
    pub states: &'a [(StateId, Tensor)],
    /// Rows of the vision tokens.
    pub vision: &'a [u32],
    /// Rows of the text tokens.
    pub text: &'a [u32],
    /// Ids of the words of the pair's text that say something.
    pub words: &'a [u32],
    /// The same prompt without its images, where a metric asks for it.
    pub without_image: Option<SecondPass<'a>>,
}

/// Another forward pass of a pair's text.
#[derive(Clone, Copy)]
pub struct SecondPass<'a> {
    /// As [`Observation::states`].
    pub states: &'a [(StateId, Tensor)],
    /// Rows of the same text tokens.
    pub text: &'a [u32],
}

impl Observation<'_> {
    /// The rows of the vision tokens and of the text tokens on the device, `[1, tokens]` each.
    ///
    /// # Errors
    /// [`AlignmentError::TooFewTokens`] where a modality has none; what the device refuses.
    pub(super) fn rows(&self, gpu: &Gpu) -> Result<[Tensor; 2], AlignmentError> {
        let upload = |modality, rows: &[u32]| match rows.is_empty() {
            true => Err(AlignmentError::TooFewTokens { modality, count: 0 }),
            false => Ok(gpu.upload_indices(rows)?),
        };
        Ok([
            upload(Modality::Vision, self.vision)?,
            upload(Modality::Text, self.text)?,
        ])
    }

    /// A state.
    ///
    /// # Errors
    /// [`AlignmentError::States`] where it was not captured.
    pub fn state(&self, id: StateId) -> Result<&Tensor, AlignmentError> {
        state_of(self.states, id)
    }
}

/// A state among several.
///
/// # Errors
/// As [`Observation::state`].
pub fn state_of(states: &[(StateId, Tensor)], id: StateId) -> Result<&Tensor, AlignmentError> {
    let found = states.iter().find(|(name, _)| *name == id);
    found
        .map(|(_, state)| state)
        .ok_or_else(|| AlignmentError::States {
            expected: format!("{id:?} among them"),
            found: format!("{} others", states.len()),
        })
}

/// What reads words off states of the residual stream: a model's final norm, its head and its tokenizer.
pub trait Vocabulary {
    /// How many words there are.
    fn size(&self) -> usize;

    /// Records the logits `[n, size]` of states `[n, hidden_size]`.
    ///
    /// # Errors
    /// [`AlignmentError::Model`], and what the device refuses.
    fn logits(&self, recording: &mut Recording, states: &Tensor) -> Result<Tensor, AlignmentError>;

    /// A word as text, spaces included.
    fn text(&self, id: u32) -> String;
}

/// What a metric is made for.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The device.
    pub gpu: &'a Gpu,
    /// Decoder layers.
    pub layers: usize,
    /// Width of a state.
    pub hidden_size: usize,
    /// Pairs that will be pushed.
    pub pairs: usize,
    /// Vision tokens that they have in all.
    pub vision: usize,
    /// What reads words off the states, where there is one.
    pub vocabulary: Option<&'a Arc<dyn Vocabulary>>,
    /// Whether 95 % intervals over pairs are wanted.
    pub intervals: bool,
}

/// A metric that can be asked for.
pub struct MetricKind {
    /// The ids of what it gives.
    pub ids: &'static [&'static str],
    /// Makes it.
    pub new: fn(&Setup<'_>) -> Result<Box<dyn Metric>, AlignmentError>,
    /// Device memory in bytes that it keeps from the first pair to the last.
    pub bytes: fn(&Setup<'_>) -> u64,
    /// Where it needs the model, and not the states alone: how many values it saves of a pair.
    pub of_model: Option<fn(&PairSize) -> usize>,
}

/// What the number of values that are saved of a pair depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairSize {
    /// Decoder layers.
    pub layers: usize,
    /// Its tokens: vision, text.
    pub tokens: [usize; 2],
    /// As many as [`Observation::words`].
    pub words: usize,
}

/// What [`Metric::finish`] promises.
pub type Finding = Pin<Box<dyn Future<Output = Result<Vec<MetricReport>, AlignmentError>>>>;

/// What a metric has kept of a pair, for another one of its kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SavedPair {
    /// Its tokens: vision, text.
    pub tokens: [usize; 2],
    /// What it kept, in an order of its own.
    pub values: Vec<f32>,
}

impl SavedPair {
    /// The values as matrices of so many rows and columns, one behind another.
    ///
    /// # Errors
    /// [`AlignmentError::States`] where there are more or fewer.
    pub(super) fn matrices(&self, sizes: &[[usize; 2]]) -> Result<Vec<&[f32]>, AlignmentError> {
        let expected: usize = sizes.iter().map(|[rows, cols]| rows * cols).sum();
        if self.values.len() != expected {
            return Err(AlignmentError::States {
                expected: format!("{expected} values saved"),
                found: self.values.len().to_string(),
            });
        }
        let mut rest = &*self.values;
        let mut own = |[rows, cols]: &[usize; 2]| {
            let (found, behind) = rest.split_at(rows * cols);
            rest = behind;
            found
        };
        Ok(sizes.iter().map(&mut own).collect())
    }
}

/// What [`Metric::saved`] promises.
pub type Saving<'a> =
    Pin<Box<dyn Future<Output = Result<Option<Vec<SavedPair>>, AlignmentError>> + 'a>>;

/// A quantity, or several that share their work, of captured states.
pub trait Metric {
    /// The states that each observation has to hold.
    fn states(&self) -> Vec<StateId>;

    /// Records what is to be kept of a pair; its states may be overwritten by what is recorded afterwards.
    ///
    /// # Errors
    /// [`AlignmentError::States`], and what the device refuses.
    fn push(
        &mut self,
        recording: &mut Recording,
        pair: &Observation<'_>,
    ) -> Result<(), AlignmentError>;

    /// Reads what was kept and computes the values.
    fn finish(self: Box<Self>, cancel: Cancel) -> Finding;

    /// Reads what was kept of each pair, in the order in which they were pushed; none where pairs are not kept apart.
    fn saved(&self) -> Saving<'_> {
        Box::pin(async { Ok(None) })
    }

    /// Records the taking of what another metric of this kind saved of the next pair, in the place of [`Metric::push`].
    ///
    /// # Errors
    /// [`AlignmentError::States`] where it does not fit; what the device refuses.
    fn restore(&mut self, _: &mut Recording, _: &SavedPair) -> Result<(), AlignmentError> {
        Err(AlignmentError::States {
            expected: "a metric that takes what was saved".to_owned(),
            found: "one that keeps nothing of single pairs".to_owned(),
        })
    }
}

/// A metric that has taken what was saved of all pairs, beside others that are shown states: it looks at none.
pub struct Restored(pub Box<dyn Metric>);

impl Metric for Restored {
    fn states(&self) -> Vec<StateId> {
        Vec::new()
    }

    fn push(&mut self, _: &mut Recording, _: &Observation<'_>) -> Result<(), AlignmentError> {
        Ok(())
    }

    fn finish(self: Box<Self>, cancel: Cancel) -> Finding {
        self.0.finish(cancel)
    }
}

/// The residual stream after each decoder layer.
pub(super) fn every_layer(layers: usize) -> Vec<StateId> {
    (1..=layers).map(StateId::Layer).collect()
}

/// A metric's entry in a report over the layers; see [`entry`].
pub(super) fn mean_over_states(
    words: [&str; 3],
    values: Vec<Option<f64>>,
    layers: usize,
    basis: String,
) -> MetricReport {
    let states = (every_layer(layers).into_iter().zip(values)).map(|(state, value)| StateValue {
        state: state.name(layers),
        value,
        interval: None,
    });
    entry(words, states.collect(), basis)
}

/// A metric's entry in a report whose overall value is the mean over the states; absent where one of them is.
pub(super) fn entry(
    [id, label, about]: [&str; 3],
    per_state: Vec<StateValue>,
    basis: String,
) -> MetricReport {
    let all: Option<Vec<f64>> = per_state.iter().map(|state| state.value).collect();
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    MetricReport {
        id: id.to_owned(),
        label: label.to_owned(),
        about: about.to_owned(),
        value: all.filter(|values| !values.is_empty()).map(mean),
        interval: None,
        by_pair: Vec::new(),
        per_state,
        basis,
    }
}

/// Gives an entry of [`mean_over_states`] its 95 % intervals over pairs, from the derivatives of each state's value by
/// the weight of each pair; a state without a value has none. Nothing changes where there are no derivatives at all.
///
/// The overall value is a mean over the states, and so is its derivative.
pub(super) fn enter_derivatives(entry: &mut MetricReport, by_state: &[Vec<f64>]) {
    // A state whose value has no derivatives has none for any pair.
    let pairs = by_state.iter().map(Vec::len).max().unwrap_or_default();
    if pairs == 0 || by_state.len() != entry.per_state.len() {
        return;
    }
    for (state, moved) in entry.per_state.iter_mut().zip(by_state) {
        state.interval = state.value.and_then(|value| interval(value, moved));
    }
    if by_state.iter().any(|moved| moved.len() != pairs) {
        return;
    }
    let states = by_state.len() as f64;
    let moved =
        (0..pairs).map(|pair| by_state.iter().map(|moved| moved[pair]).sum::<f64>() / states);
    enter_overall(entry, moved.collect());
}

/// Gives the overall value of an entry its interval, from its derivatives by the weight of each pair.
pub(super) fn enter_overall(entry: &mut MetricReport, moved: Vec<f64>) {
    let Some(value) = entry.value else { return };
    if let Some(found) = interval(value, &moved) {
        entry.interval = Some(found);
        entry.by_pair = moved.into_iter().map(shortened).collect();
    }
}

/// The derivatives of a ratio of sums over pairs by the weight of each pair: `parts` are the summands of the upper and
/// of the lower sum. Empty where the lower sum is 0.
///
/// The ratio is `sum w_p a_p / sum w_p b_p`; its derivative by `w_p` at equal weights of 1 is `(a_p - R b_p) / sum b`.
pub(super) fn of_ratio(parts: &[[f64; 2]]) -> Vec<f64> {
    let [upper, lower] = parts
        .iter()
        .fold([0.0; 2], |[a, b], it| [a + it[0], b + it[1]]);
    if lower == 0.0 {
        return Vec::new();
    }
    let ratio = upper / lower;
    parts.iter().map(|[a, b]| (a - ratio * b) / lower).collect()
}

/// Bytes of an f32 tensor with its padding.
pub(super) fn tensor_bytes(rows: usize, cols: usize) -> u64 {
    DType::F32.row_bytes(cols) * rows as u64
}
