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
        EngineError, Extra, MeasureSettings,
        content_words::content_words_of,
        measure::kinds,
        prepare::Prepared,
        session::loaded::Loaded,
        vocabulary::{Words, vocabulary_of},
    },
    gpu::Gpu,
    report::TextMask,
    weights::{StorageType, TensorInfo},
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
fn tensor(metric: &str) -> String {
    format!("kept.{metric}")
}

/// The text of [`WORDS_KEY`].
pub(super) fn words_text(vocabulary: &dyn Vocabulary) -> String {
    json!(Words::of(vocabulary).0).to_string()
}

/// Most words of a vocabulary, as the kernel that finds the likeliest takes.
const MOST_WORDS: usize = 1 << 20;

/// The words that `file` says, where it is to have some.
///
/// # Errors
/// There are none, or they are no list of words.
pub(super) fn words_in(file: &str, text: Option<&str>) -> Result<Arc<dyn Vocabulary>, EngineError> {
    let wrong = |found: String| {
        let reason = format!(
            "`{WORDS_KEY}` in the header: expected a JSON list of at most {MOST_WORDS} words, found {found}; measure the \
             shard again"
        );
        refused(file, reason)
    };
    let text = text.ok_or_else(|| wrong("none".to_owned()))?;
    // Few words have a comma, and before each but the first there is one: a list that is too long is not even read.
    if text.bytes().filter(|byte| *byte == b',').count() > 2 * MOST_WORDS {
        return Err(wrong("more".to_owned()));
    }
    let words: Vec<String> =
        serde_json::from_str(text).map_err(|error| wrong(format!("an error ({error})")))?;
    match words.len() > MOST_WORDS {
        true => Err(wrong(words.len().to_string())),
        false => Ok(Arc::new(Words(words))),
    }
}

/// The words that one of `files` has for all of a merge, see [`same_words`].
///
/// # Errors
/// As [`words_in`].
pub(super) fn words_of_all<'a>(
    mut files: impl Iterator<Item = (&'a str, Option<&'a str>)> + Clone,
) -> Result<Arc<dyn Vocabulary>, EngineError> {
    let with = files.clone().find(|(_, words)| words.is_some());
    let (file, words) = with.or_else(|| files.next()).unwrap_or_default();
    words_in(file, words)
}

/// Fails where `other` has other words than `file`; keeps those of one of them alone, since each file of a merge has all.
///
/// # Errors
/// Naming both.
pub(super) fn same_words(
    file: (&str, &Option<String>),
    other: (&str, &mut Option<String>),
) -> Result<(), EngineError> {
    if *file.1 != *other.1 {
        let reason = format!(
            "`{WORDS_KEY}` in the header: expected the words that {} has, found others; merge shards of one measurement",
            file.0
        );
        return Err(refused(other.0, reason));
    }
    *other.1 = None;
    Ok(())
}

/// What is to be kept of the pairs of a file that is written.
pub(super) struct Keeping {
    kinds: Vec<&'static MetricKind>,
    /// Of each of them where the values of each pair begin, and where the last end.
    begins: Vec<Vec<usize>>,
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
        let begins = lens.map(|of| begins(&sizes.iter().map(of).collect::<Vec<_>>()));
        Self {
            begins: begins.map(Option::unwrap_or_default).collect(),
            vocabulary: vocabulary_of(settings, loaded),
            sizes: [layers, hidden_size],
            text_mask: settings.text_mask,
            metrics: Vec::new(),
            waiting: kinds.iter().map(|_| VecDeque::new()).collect(),
            kinds,
        }
    }

    /// The tensors of the file to be.
    pub(super) fn planned(&self) -> impl Iterator<Item = Planned> {
        let all = self.kinds.iter().zip(&self.begins);
        all.map(|(kind, begins)| values(tensor(kind.ids[0]), end(begins)))
    }

    /// Adds what its header says.
    pub(super) fn tell(&self, about: &mut Map<String, Value>) {
        if self.kinds.is_empty() {
            return;
        }
        let lens = |begins: &[usize]| -> Value {
            let both = begins.windows(2);
            both.map(|both| both[1] - both[0]).collect()
        };
        let all = self.kinds.iter().zip(&self.begins);
        let lens: Map<String, Value> = all
            .map(|(kind, begins)| (kind.ids[0].to_owned(), lens(begins)))
            .collect();
        about.insert(KEPT_KEY.to_owned(), json!(lens).to_string().into());
        if let Some(vocabulary) = &self.vocabulary {
            about.insert(WORDS_KEY.to_owned(), words_text(&**vocabulary).into());
        }
    }

    /// The tensors with the values of a pair, by its place among the pairs.
    pub(super) fn places(&self, pair: usize) -> impl Iterator<Item = (String, Range<usize>)> {
        let all = self.kinds.iter().zip(&self.begins);
        all.map(move |(kind, begins)| (tensor(kind.ids[0]), range(begins, pair)))
    }

    /// Makes the metrics of the next pairs, which share a forward pass: few enough for every metric to keep all of them.
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

/// Where the values of each pair begin, and where the last end; none where that is beyond all numbers.
fn begins(lens: &[usize]) -> Option<Vec<usize>> {
    let mut all = Vec::with_capacity(lens.len() + 1);
    let mut end: usize = 0;
    all.push(end);
    for len in lens {
        end = end.checked_add(*len)?;
        all.push(end);
    }
    Some(all)
}

/// Where the values of the last pair end.
fn end(begins: &[usize]) -> usize {
    begins.last().copied().unwrap_or_default()
}

/// Where the values of a pair stand; nowhere where there is no such pair.
fn range(begins: &[usize], pair: usize) -> Range<usize> {
    match begins.get(pair..) {
        Some([begin, end, ..]) => *begin..*end,
        _ => 0..0,
    }
}

/// What a file of states has of it.
#[derive(Default)]
pub(super) struct Kept {
    file: String,
    /// By the name of the metric: the tensor, and where the values of each pair begin in it.
    all: BTreeMap<String, (TensorInfo, Vec<usize>)>,
    /// The text of the model's words.
    pub(super) words: Option<String>,
}

impl Kept {
    /// Reads the `texts` of `file`.
    ///
    /// # Errors
    /// They say something else than its `tensors` do.
    pub(super) fn of(
        file: &str,
        texts: &mut BTreeMap<String, String>,
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
            let tensor = tensor(&name);
            let begins = begins(&lens);
            let values = begins.as_deref().map(end);
            let found = tensors.get(&tensor);
            let is_right = |info: &&TensorInfo| {
                let is_f32 = info.storage() == Some(StorageType::F32);
                is_f32 && values.is_some_and(|values| info.shape == [values])
            };
            let (Some(info), Some(begins)) = (found.filter(is_right), begins) else {
                let found = found.map_or("none".to_owned(), |info| {
                    format!("{:?} {:?}", info.dtype, info.shape)
                });
                let values = values.map_or("countless".to_owned(), |values| values.to_string());
                let expected = format!("a tensor `{tensor}` of {values} F32 values");
                return Err(wrong(format!("expected {expected}, found {found}")));
            };
            all.insert(name, (info.clone(), begins));
        }
        Ok(Self {
            file: file.to_owned(),
            all,
            words: texts.remove(WORDS_KEY),
        })
    }

    /// Fails where it is not of so many pairs.
    ///
    /// # Errors
    /// Naming the metric.
    pub(super) fn check(&self, pairs: usize) -> Result<(), EngineError> {
        let of = |begins: &Vec<usize>| begins.len().saturating_sub(1);
        let other = (self.all.iter()).find(|(_, (_, begins))| of(begins) != pairs);
        other.map_or(Ok(()), |(name, (_, begins))| {
            let reason = format!(
                "`{KEPT_KEY}` in the header: expected values of {pairs} pairs for {name}, found {}; measure the shard again",
                of(begins)
            );
            Err(refused(&self.file, reason))
        })
    }

    /// Whether it has what a metric kept.
    pub(super) fn has(&self, kind: &MetricKind) -> bool {
        self.all.contains_key(kind.ids[0])
    }

    /// The tensors with the values of a pair, by its place in the file.
    pub(super) fn places(&self, pair: usize) -> impl Iterator<Item = (&TensorInfo, Range<usize>)> {
        let all = self.all.values();
        all.map(move |(tensor, begins)| (tensor, range(begins, pair)))
    }

    /// What a metric kept of a pair, which has so many `tokens`; none where the file has nothing of that metric.
    ///
    /// # Errors
    /// It is nothing at all, or the file cannot be read.
    pub(super) fn pair(
        &self,
        kind: &MetricKind,
        pair: usize,
        tokens: [usize; 2],
    ) -> Result<Option<SavedPair>, EngineError> {
        let Some((tensor, begins)) = self.all.get(kind.ids[0]) else {
            return Ok(None);
        };
        let place = range(begins, pair);
        if place.is_empty() {
            let reason = format!(
                "tensor `{}`: expected values of each pair, found none of the pair at place {pair}; measure the shard again",
                tensor.name
            );
            return Err(refused(&self.file, reason));
        }
        let values = tensor.read_rows(place)?.to_f32();
        Ok(Some(SavedPair { tokens, values }))
    }
}
