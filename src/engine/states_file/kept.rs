//! What metrics that need the model keep of each pair, in a file of statistics.
//!
//! In a file of states the tensor `kept.METRIC` (`[values]` f32) has it, one pair behind another, and the text `kept` says how
//! many values each pair has. The text `words` has the words of the model's vocabulary, by their ids, where a metric names
//! words: who merges needs no model.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::Arc,
};

use serde_json::{Map, Value, json};

use super::{
    planned::{Planned, values},
    refused,
};
use crate::{
    alignment::{AlignmentError, Metric, MetricKind, PairSize, SavedPair, Setup, Vocabulary},
    engine::{
        EngineError, Extra, MeasureSettings, content_words::content_words_of, measure::kinds,
        prepare::Prepared, session::loaded::Loaded, vocabulary::Words,
    },
    gpu::Gpu,
    report::TextMask,
    weights::TensorInfo,
};

/// The key of the numbers of values.
const KEPT_KEY: &str = "kept";
/// The key of the words.
pub(super) const WORDS_KEY: &str = "words";

/// The metrics asked for that need the model, in the order of their names, in which their values enter a pair's sum.
fn of_model(settings: &MeasureSettings) -> Vec<&'static MetricKind> {
    let all = kinds(settings).into_iter();
    let mut own: Vec<_> = all.filter(|kind| kind.of_model.is_some()).collect();
    own.sort_by_key(|kind| kind.ids[0]);
    own
}

/// What a metric is called in a file.
fn tensor(kind: &MetricKind) -> String {
    format!("kept.{}", kind.ids[0])
}

/// A model's words, where they are asked for.
pub(super) fn vocabulary(
    settings: &MeasureSettings,
    loaded: &Arc<Loaded>,
) -> Option<Arc<dyn Vocabulary>> {
    let reads = settings.also.contains(&Extra::LogitLens);
    reads.then(|| loaded.clone() as Arc<dyn Vocabulary>)
}

/// The text of [`WORDS_KEY`].
pub(super) fn words_text(vocabulary: &dyn Vocabulary) -> String {
    json!(Words::of(vocabulary).0).to_string()
}

/// The words that the texts of `file` have.
///
/// # Errors
/// They are no list of words.
pub(super) fn words_in(
    file: &str,
    texts: &BTreeMap<String, String>,
) -> Result<Option<Arc<dyn Vocabulary>>, EngineError> {
    let Some(text) = texts.get(WORDS_KEY) else {
        return Ok(None);
    };
    let words = serde_json::from_str(text).map_err(|error| {
        let reason = format!(
            "`{WORDS_KEY}` in the header: expected a JSON list of words, found an error ({error}); measure the shard again"
        );
        refused(file, reason)
    })?;
    Ok(Some(Arc::new(Words(words))))
}

/// What is to be kept of the pairs of a file that is written.
pub(super) struct Keeping {
    kinds: Vec<&'static MetricKind>,
    /// Of each of them the values of each pair.
    lens: Vec<Vec<usize>>,
    vocabulary: Option<Arc<dyn Vocabulary>>,
    sizes: [usize; 2],
    text_mask: TextMask,
    /// The metrics of the pairs whose forward pass is recorded.
    pub(super) metrics: Vec<Box<dyn Metric>>,
    /// Of each of them what it kept of the pairs that are not written yet.
    waiting: Vec<VecDeque<SavedPair>>,
}

impl Keeping {
    /// For `pairs` of a model of so many layers and such a width.
    pub(super) fn new(
        settings: &MeasureSettings,
        loaded: &Arc<Loaded>,
        pairs: &[Prepared],
        [layers, hidden_size]: [usize; 2],
    ) -> Self {
        let kinds = of_model(settings);
        let size = |pair: &Prepared| PairSize {
            layers,
            tokens: tokens(pair, settings.text_mask),
            words: match settings.also.contains(&Extra::LogitLens) {
                true => content_words_of(pair, &loaded.processor).len(),
                false => 0,
            },
        };
        let sizes: Vec<PairSize> = match kinds.is_empty() {
            true => Vec::new(),
            false => pairs.iter().map(size).collect(),
        };
        let lens = kinds.iter().filter_map(|kind| kind.of_model);
        Self {
            lens: lens.map(|of| sizes.iter().map(of).collect()).collect(),
            vocabulary: vocabulary(settings, loaded),
            sizes: [layers, hidden_size],
            text_mask: settings.text_mask,
            metrics: Vec::new(),
            waiting: kinds.iter().map(|_| VecDeque::new()).collect(),
            kinds,
        }
    }

    /// The tensors of the file to be.
    pub(super) fn planned(&self) -> impl Iterator<Item = Planned> {
        let all = self.kinds.iter().zip(&self.lens);
        all.map(|(kind, lens)| values(tensor(kind), lens.iter().sum()))
    }

    /// Adds what its header says.
    pub(super) fn tell(&self, about: &mut Map<String, Value>) {
        if self.kinds.is_empty() {
            return;
        }
        let all = self.kinds.iter().zip(&self.lens);
        let lens: Map<String, Value> = all
            .map(|(kind, lens)| (kind.ids[0].to_owned(), json!(lens)))
            .collect();
        about.insert(KEPT_KEY.to_owned(), json!(lens).to_string().into());
        if let Some(vocabulary) = &self.vocabulary {
            about.insert(WORDS_KEY.to_owned(), words_text(&**vocabulary).into());
        }
    }

    /// The tensors with the values of a pair, by its place among the pairs.
    pub(super) fn places(&self, pair: usize) -> impl Iterator<Item = (String, Range<usize>)> {
        let all = self.kinds.iter().zip(&self.lens);
        all.map(move |(kind, lens)| (tensor(kind), range(lens, pair)))
    }

    /// Makes the metrics of the next pairs.
    ///
    /// # Errors
    /// What the device refuses.
    pub(super) fn begin(&mut self, gpu: &Gpu, pairs: &[&Prepared]) -> Result<(), EngineError> {
        let vision = |pair: &&Prepared| tokens(pair, self.text_mask)[0];
        let [layers, hidden_size] = self.sizes;
        let setup = Setup {
            gpu,
            layers,
            hidden_size,
            pairs: pairs.len(),
            vision: pairs.iter().map(vision).sum(),
            vocabulary: self.vocabulary.as_ref(),
            intervals: false,
        };
        let made = self.kinds.iter().map(|kind| (kind.new)(&setup));
        self.metrics = made.collect::<Result<_, _>>()?;
        Ok(())
    }

    /// Reads what they kept, once the forward pass has run.
    ///
    /// # Errors
    /// What the device reports.
    pub(super) async fn read(&mut self) -> Result<(), EngineError> {
        for (metric, waiting) in self.metrics.drain(..).zip(&mut self.waiting) {
            waiting.extend(metric.saved().await?.unwrap_or_default());
        }
        Ok(())
    }

    /// What was kept of the next pair, the one at this place among all.
    ///
    /// # Errors
    /// It is not as much as was planned.
    pub(super) fn next(&mut self, pair: usize) -> Result<Vec<Vec<f32>>, EngineError> {
        let places: Vec<_> = self.places(pair).collect();
        let mut found = Vec::with_capacity(places.len());
        for ((name, place), waiting) in places.into_iter().zip(&mut self.waiting) {
            let values = waiting.pop_front().unwrap_or_default().values;
            if values.len() != place.len() {
                let error = AlignmentError::States {
                    expected: format!("{} values of {name} kept of a pair", place.len()),
                    found: values.len().to_string(),
                };
                return Err(error.into());
            }
            found.push(values);
        }
        Ok(found)
    }
}

/// Vision and text tokens of a pair.
fn tokens(pair: &Prepared, mask: TextMask) -> [usize; 2] {
    [pair.prompt.vision.len(), pair.text(mask).len()]
}

/// Where the values of a pair stand.
fn range(lens: &[usize], pair: usize) -> Range<usize> {
    let sum = |lens: &[usize]| {
        lens.iter()
            .fold(0, |sum: usize, len| sum.saturating_add(*len))
    };
    let begin = sum(lens.get(..pair).unwrap_or_default());
    begin..begin.saturating_add(lens.get(pair).copied().unwrap_or_default())
}

/// What a file of states has of it.
#[derive(Default)]
pub(super) struct Kept {
    file: String,
    /// By the name of the metric: the tensor, and the values of each pair.
    all: BTreeMap<String, (TensorInfo, Vec<usize>)>,
    /// The words of the model.
    pub(super) vocabulary: Option<Arc<dyn Vocabulary>>,
}

impl Kept {
    /// Reads the `texts` of `file`.
    ///
    /// # Errors
    /// They say something else than its `tensors` do.
    pub(super) fn of(
        file: &str,
        texts: &BTreeMap<String, String>,
        tensors: &BTreeMap<String, TensorInfo>,
    ) -> Result<Self, EngineError> {
        let wrong = |what: String| {
            let reason = format!("`{KEPT_KEY}` in the header: {what}; measure the shard again");
            refused(file, reason)
        };
        let Some(text) = texts.get(KEPT_KEY) else {
            return Ok(Self::default());
        };
        let lens: BTreeMap<String, Vec<usize>> = serde_json::from_str(text).map_err(|error| {
            wrong(format!(
                "expected numbers of values, found an error ({error})"
            ))
        })?;
        let mut all = BTreeMap::new();
        for (name, lens) in lens {
            let tensor = format!("kept.{name}");
            let end = range(&lens, lens.len()).start;
            let found = tensors.get(&tensor);
            let Some(info) = found.filter(|info| info.shape == [end]) else {
                let found = found.map_or("none".to_owned(), |info| format!("{:?}", info.shape));
                let expected = format!("a tensor `{tensor}` of {end} values");
                return Err(wrong(format!("expected {expected}, found {found}")));
            };
            all.insert(name, (info.clone(), lens));
        }
        Ok(Self {
            file: file.to_owned(),
            all,
            vocabulary: words_in(file, texts)?,
        })
    }

    /// Fails where it is not of so many pairs.
    ///
    /// # Errors
    /// Naming the metric.
    pub(super) fn check(&self, pairs: usize) -> Result<(), EngineError> {
        let other = self.all.iter().find(|(_, (_, lens))| lens.len() != pairs);
        other.map_or(Ok(()), |(name, (_, lens))| {
            let reason = format!(
                "`{KEPT_KEY}` in the header: expected values of {pairs} pairs for {name}, found {}; measure the shard again",
                lens.len()
            );
            Err(refused(&self.file, reason))
        })
    }

    /// The tensors with the values of a pair, by its place in the file.
    pub(super) fn places(&self, pair: usize) -> impl Iterator<Item = (&TensorInfo, Range<usize>)> {
        let all = self.all.values();
        all.map(move |(tensor, lens)| (tensor, range(lens, pair)))
    }

    /// What a metric kept of a pair; none where the file has nothing of that metric.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn pair(
        &self,
        kind: &MetricKind,
        pair: usize,
        tokens: [usize; 2],
    ) -> Result<Option<SavedPair>, EngineError> {
        let Some((tensor, lens)) = self.all.get(kind.ids[0]) else {
            return Ok(None);
        };
        let values = tensor.read_rows(range(lens, pair))?.to_f32();
        Ok(Some(SavedPair { tokens, values }))
    }
}
