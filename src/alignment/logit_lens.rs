//! The logit lens over vision tokens: which words their states are nearest to.
//!
//! ```text
//! p = softmax(W_U norm(h)),   H = - sum p ln p
//! ```
//!
//! for each vision token's state h after each decoder layer (nostalgebraist, "interpreting GPT: the logit lens", 2020;
//! of vision tokens: arXiv 2410.07149). Logits take a row of the vocabulary for each token, so that they are made in
//! pieces and reduced at once.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    AlignmentError,
    metric::{
        Finding, Metric, MetricKind, Observation, SavedPair, Saving, Setup, StateId, Vocabulary,
        enter_derivatives, every_layer, mean_over_states, of_ratio, tensor_bytes,
    },
};
use crate::{
    gpu::{DType, Gpu, GpuError, Recording, Tensor},
    kernels::{
        column_sums::{ColumnSums, column_totals},
        gather_rows::gather_rows,
        row_entropies::row_entropies,
        top_tokens::{TopTokens, top_tokens, width},
    },
    platform::{self, Cancel},
    report::MetricReport,
    words::counted,
};

/// What it gives.
const IDS: [&str; 2] = ["logit-lens-entropy", "logit-lens-content"];

/// Bytes of the logits of one piece.
const PIECE_BYTES: usize = 32 << 20;

/// Top words that are kept, of all layers together: 64 MiB.
const MOST_TOPS: usize = 4 << 20;

/// Where the word's id stands in a row of [`Lens::tops`]: [`TopTokens::from_row`] takes such rows apart.
const ID: usize = 1;

/// Words that the report names.
const NAMED: usize = 5;

const ENTROPY: [&str; 3] = [
    IDS[0],
    "logit lens, entropy of vision tokens",
    "How undecided the model's head is about the next word when it reads a vision token's state: the mean entropy of \
     softmax(W_U norm(h)), in nats, from 0 to the logarithm of the vocabulary. The head was made for the last layer; \
     in early ones a low entropy is no sign of meaning.",
];

const CONTENT: [&str; 3] = [
    IDS[1],
    "logit lens, words of the text",
    "The share of vision tokens whose likeliest next word is a content word of the pair's own text: a token that \
     begins a word of at least four letters which is no function word. The vision tokens have not seen the text. A \
     picture says more than its text, and common words match by chance.",
];

/// The logit lens; it is left out of a model without a head.
pub const LOGIT_LENS: MetricKind = MetricKind {
    ids: &IDS,
    new,
    bytes,
    of_model: Some(|pair| pair.layers * (1 + pair.tokens[0]) + pair.words),
};

/// Vision tokens whose likeliest word is kept.
fn kept(setup: &Setup<'_>) -> usize {
    setup.vision.min(MOST_TOPS / setup.layers.max(1))
}

/// See [`MetricKind::bytes`]; with the logits of the piece that is at work.
fn bytes(setup: &Setup<'_>) -> u64 {
    let tops = tensor_bytes(kept(setup), width(1)) * setup.layers as u64;
    let words = setup.vocabulary.map_or(0, |vocabulary| vocabulary.size());
    let logits = tensor_bytes(setup.vision, words).min(PIECE_BYTES as u64);
    tops + tensor_bytes(setup.layers * setup.pairs, 1) + logits
}

struct Lens {
    gpu: Gpu,
    layers: usize,
    /// Pairs that were announced: rows of a layer in `entropies`.
    pairs: usize,
    vocabulary: Arc<dyn Vocabulary>,
    /// Of each layer the likeliest word of each vision token, `[tokens, 3]`.
    tops: Vec<Tensor>,
    /// Sums of entropies, one row per layer and pair.
    entropies: Tensor,
    /// Of each pair its vision tokens and the content words of its text.
    seen: Vec<(usize, HashSet<u32>)>,
    /// Whether there was no room for a pair.
    closed: bool,
    /// Pairs that were shown to it, those for which there was no room included.
    shown: usize,
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
    let vocabulary = setup.vocabulary.cloned().ok_or_else(|| {
        AlignmentError::Model("no vocabulary was given to read words with".to_owned())
    })?;
    let rows = kept(setup);
    let tops = || gpu.tensor(DType::F32, rows, width(1));
    Ok(Box::new(Lens {
        gpu: gpu.clone(),
        layers,
        pairs,
        vocabulary,
        tops: (0..layers).map(|_| tops()).collect::<Result<_, _>>()?,
        entropies: gpu.tensor(DType::F32, layers * pairs, 1)?,
        seen: Vec::new(),
        closed: false,
        shown: 0,
        intervals,
    }))
}

impl Lens {
    /// The entry of a ratio of sums over the pairs, given as the summands of each layer.
    fn entry(&self, words: [&str; 3], of_pairs: &[Vec<[f64; 2]>], basis: String) -> MetricReport {
        let ratio = |parts: &Vec<[f64; 2]>| {
            let [upper, lower] = [0, 1].map(|at: usize| parts.iter().map(|it| it[at]).sum::<f64>());
            (lower > 0.0).then(|| upper / lower)
        };
        let values = of_pairs.iter().map(ratio).collect();
        let mut entry = mean_over_states(words, values, self.layers, basis);
        if self.intervals {
            let moved = of_pairs.iter().map(|parts| {
                let mut moved = of_ratio(parts);
                if !moved.is_empty() {
                    // A pair for which there was no room moves nothing.
                    moved.resize(self.shown, 0.0);
                }
                moved
            });
            enter_derivatives(&mut entry, &moved.collect::<Vec<_>>());
        }
        entry
    }

    /// Counts the next pair, which has so many vision tokens, and says whether there is room for it: once there is none,
    /// those behind it are left out as well.
    fn takes(&mut self, tokens: usize) -> bool {
        self.shown += 1;
        let room = self.tops.first().map_or(0, Tensor::rows) - self.filled();
        self.closed |= tokens > room || self.seen.len() == self.pairs;
        !self.closed
    }

    fn filled(&self) -> usize {
        self.seen.iter().map(|(tokens, _)| tokens).sum()
    }
}

impl Metric for Lens {
    fn states(&self) -> Vec<StateId> {
        every_layer(self.layers)
    }

    fn push(
        &mut self,
        recording: &mut Recording,
        pair: &Observation<'_>,
    ) -> Result<(), AlignmentError> {
        let (tokens, first) = (pair.vision.len(), self.filled());
        if !self.takes(tokens) {
            return Ok(());
        }
        let gpu = &self.gpu;
        let words = pair.words.iter().copied().collect();
        if tokens == 0 {
            // It says nothing of vision tokens, but keeps its place among the pairs.
            self.seen.push((tokens, words));
            return Ok(());
        }
        let rows = PIECE_BYTES / (4 * self.vocabulary.size().max(1));
        let pieces = pair.vision.chunks(rows.max(1));
        let indices = pieces.map(|piece| gpu.upload_indices(piece));
        let indices = indices.collect::<Result<Vec<Tensor>, GpuError>>()?;
        for (layer, id) in self.states().into_iter().enumerate() {
            let state = pair.state(id)?;
            let entropies = gpu.tensor(DType::F32, tokens, 1)?;
            let mut done = 0;
            for indices in &indices {
                let count = indices.cols();
                let own = gpu.tensor(DType::F32, count, state.cols())?;
                recording.push(gather_rows(indices, state, 0, &own, 0)?);
                let logits = self.vocabulary.logits(recording, &own)?;
                let top = gpu.tensor(DType::F32, count, width(1))?;
                recording.extend(top_tokens(gpu, &logits, 1, &top)?);
                recording.copy_rows(&top, 0, &self.tops[layer], first + done, count)?;
                let entropy = gpu.tensor(DType::F32, count, 1)?;
                recording.push(row_entropies(gpu, &logits, &entropy)?);
                recording.copy_rows(&entropy, 0, &entropies, done, count)?;
                done += count;
            }
            let row = layer * self.pairs + self.seen.len();
            let sum = ColumnSums::default();
            recording.extend(column_totals(gpu, &entropies, &sum, &self.entropies, row)?);
        }
        self.seen.push((tokens, words));
        Ok(())
    }

    fn finish(self: Box<Self>, cancel: Cancel) -> Finding {
        Box::pin(async move {
            let tokens = self.filled();
            let told: usize = (self.seen.iter())
                .filter(|(_, words)| !words.is_empty())
                .map(|(tokens, _)| tokens)
                .sum();
            let read = self.gpu.read(&[&self.entropies]).await?;
            let sums = read.first().map_or(&[][..], |it| &it.values);
            // Of each layer and pair: the sum of the entropies, the tokens; the hits, the tokens that could hit.
            let (mut entropies, mut shares) = (Vec::new(), Vec::new());
            let mut often: HashMap<u32, usize> = HashMap::new();
            for (layer, tops) in self.tops.iter().enumerate() {
                let own = sums.get(layer * self.pairs..).unwrap_or_default();
                let of_pairs = own.iter().zip(&self.seen).map(|(&sum, (tokens, _))| {
                    // Nothing was written for a pair without vision tokens.
                    let sum = if *tokens == 0 { 0.0 } else { f64::from(sum) };
                    [sum, *tokens as f64]
                });
                entropies.push(of_pairs.collect::<Vec<_>>());
                let read = self.gpu.read(&[tops]).await?;
                if cancel.is_cancelled() {
                    return Err(GpuError::Cancelled.into());
                }
                let mut words = (read.iter())
                    .flat_map(|it| it.values.chunks_exact(width(1)))
                    .map(|row| TopTokens::from_row(row).tokens.first().map(|&(id, _)| id));
                let mut of_pairs = Vec::with_capacity(self.seen.len());
                for (tokens, content) in &self.seen {
                    let mut hits = 0;
                    for id in words.by_ref().take(*tokens).flatten() {
                        *often.entry(id).or_default() += 1;
                        hits += usize::from(content.contains(&id));
                    }
                    let could = if content.is_empty() { 0 } else { *tokens };
                    of_pairs.push([hits as f64, could as f64]);
                }
                shares.push(of_pairs);
                platform::yield_now().await;
            }
            let mut often: Vec<(u32, usize)> = often.into_iter().collect();
            often.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
            let all = (tokens * self.layers).max(1) as f64;
            let named: Vec<String> = (often.iter().take(NAMED))
                .map(|&(id, count)| {
                    let share = 100.0 * count as f64 / all;
                    format!("{:?} {share:.1} %", self.vocabulary.text(id))
                })
                .collect();
            let about = format!(
                "{} Likeliest words over all layers: {}.",
                CONTENT[2],
                named.join(", ")
            );
            let basis = |tokens| {
                let some = self.seen.iter().filter(|(tokens, _)| *tokens > 0);
                let pairs = counted(some.count(), "pair");
                format!("{} of {pairs}", counted(tokens, "vision token"))
            };
            let content = [CONTENT[0], CONTENT[1], &about];
            Ok(vec![
                self.entry(ENTROPY, &entropies, basis(tokens)),
                self.entry(content, &shares, basis(told)),
            ])
        })
    }

    /// Of each layer the sum of the entropies and the likeliest word of each vision token; then the content words. Nothing
    /// of a pair for which there was no room.
    fn saved(&self) -> Saving<'_> {
        Box::pin(async move {
            let mut found = vec![SavedPair::default(); self.shown];
            let read = self.gpu.read(&[&self.entropies]).await?;
            let sums = read.first().map_or(&[][..], |it| &it.values);
            for (layer, tops) in self.tops.iter().enumerate() {
                let read = self.gpu.read(&[tops]).await?;
                let mut ids = (read.iter())
                    .flat_map(|it| it.values.chunks_exact(width(1)))
                    .map(|row| row[ID]);
                let of_pairs = found.iter_mut().zip(&self.seen).enumerate();
                for (place, (pair, (tokens, _))) in of_pairs {
                    let sum = sums.get(layer * self.pairs + place).copied();
                    // Nothing was written for a pair without vision tokens.
                    let sum = sum.filter(|_| *tokens > 0).unwrap_or_default();
                    pair.values.push(sum);
                    pair.values.extend(ids.by_ref().take(*tokens));
                }
            }
            for (pair, (tokens, words)) in found.iter_mut().zip(&self.seen) {
                let mut words: Vec<u32> = words.iter().copied().collect();
                words.sort_unstable();
                pair.tokens[0] = *tokens;
                pair.values.extend(words.into_iter().map(|id| id as f32));
            }
            Ok(Some(found))
        })
    }

    fn restore(
        &mut self,
        recording: &mut Recording,
        pair: &SavedPair,
    ) -> Result<(), AlignmentError> {
        let (tokens, first) = (pair.tokens[0], self.filled());
        self.closed |= pair.values.is_empty();
        if !self.takes(tokens) {
            return Ok(());
        }
        let per_layer = 1 + tokens;
        let Some((layers, words)) = pair.values.split_at_checked(self.layers * per_layer) else {
            return Err(AlignmentError::States {
                expected: format!("at least {} values saved", self.layers * per_layer),
                found: pair.values.len().to_string(),
            });
        };
        let size = self.vocabulary.size() as f32;
        let is_word = |id: &f32| id.fract() == 0.0 && (0.0..size).contains(id);
        // No logit of a token is a number: it has no likeliest word.
        let of_tokens = layers.chunks_exact(per_layer).flat_map(|own| &own[1..]);
        let of_tokens = of_tokens.filter(|id| **id >= 0.0 || id.is_nan());
        if let Some(id) = of_tokens.chain(words).find(|id| !is_word(id)) {
            return Err(AlignmentError::States {
                expected: format!("ids below {size} of words saved"),
                found: id.to_string(),
            });
        }
        let sums: Vec<f32> = layers.iter().copied().step_by(per_layer).collect();
        let sums = self.gpu.upload(self.layers, 1, &sums)?;
        let ids = layers.chunks_exact(per_layer).flat_map(|own| &own[1..]);
        let mut rows = vec![0.0; self.layers * tokens * width(1)];
        for (row, id) in rows.chunks_exact_mut(width(1)).zip(ids) {
            row[ID] = *id;
        }
        let rows = match tokens {
            0 => None,
            _ => Some(self.gpu.upload(self.layers * tokens, width(1), &rows)?),
        };
        for (layer, tops) in self.tops.iter().enumerate() {
            let row = layer * self.pairs + self.seen.len();
            recording.copy_rows(&sums, layer, &self.entropies, row, 1)?;
            if let Some(rows) = &rows {
                recording.copy_rows(rows, layer * tokens, tops, first, tokens)?;
            }
        }
        let words = words.iter().map(|&id| id as u32).collect();
        self.seen.push((tokens, words));
        Ok(())
    }
}
