//! Forward passes, some pairs at a time, into metric or memory. It is long because one loop serves all who take states.

use std::collections::BTreeSet;

use web_time::Instant;

pub(super) use super::rate::Rate;
use super::{
    EngineError, Extra, Stage,
    content_words::content_words_of,
    news::News,
    prepare::{Prepared, pixel_values_of},
    session::kept::KeptStates,
    states_file::StatesWriter,
    without_image::WithoutImage,
};
use crate::{
    alignment::{Metric, Observation, SecondPass, StateId, state_of},
    gpu::{AdapterClass, Gpu, Recording, Runs, Tensor},
    input::Processor,
    model::{Capture, CaptureRequest, ForwardInput, Hook, Vlm},
    platform,
    report::{Definition, TextMask},
};

/// What is counted.
const UNIT: &str = "pairs";
/// Seconds that the pairs of one recording should take together: enough that a small model does not
/// wait for the device after each pair.
const TARGET_SECONDS: f64 = 0.2;
/// Pairs of a recording on a software adapter, where they take less than so many seconds each: always as many, since some
/// are faster than others there, and the page's memory, which never shrinks, would grow with the longest recording. One by
/// one they take a third longer in Chromium.
const ON_SOFTWARE: usize = 4;
const ON_SOFTWARE_BELOW: f64 = 0.5;
/// Most pictures in one recording, unless a single pair has more; bounds the memory of their pixel
/// values on the device.
const MOST_PICTURES: usize = 32;
/// Most bytes that the working memory of one forward pass takes, unless a single pair needs more, and the share of a budget
/// that it takes.
const MOST_BYTES: u64 = 512 << 20;
const SHARE: u64 = 8;

/// A state that is measured.
#[derive(Clone, Copy)]
pub(super) struct State {
    /// Which one.
    pub(super) id: StateId,
    /// Decoder layers of its model.
    layers: usize,
}

impl State {
    /// A state of a model with so many decoder layers.
    pub(super) fn new(id: StateId, layers: usize) -> Self {
        Self { id, layers }
    }

    /// What a report calls it.
    pub(super) fn name(&self) -> String {
        self.id.name(self.layers)
    }
}

/// Where a state is taken.
pub(super) fn hook(id: StateId) -> Hook {
    match id {
        StateId::Embeddings => Hook::InputsEmbeds,
        StateId::Layer(k) => Hook::Layer(k),
        StateId::FinalNorm => Hook::FinalNorm,
    }
}

/// The states that a definition compares, one per decoder layer.
pub(super) fn states(definition: Definition, layers: usize) -> Vec<State> {
    (1..=layers)
        .map(|k| match k == layers && definition.is_official() {
            true => StateId::FinalNorm,
            false => StateId::Layer(k),
        })
        .map(|id| State { id, layers })
        .collect()
}

/// Who takes the tokens of the states.
pub(super) struct Targets<'a> {
    /// The Modality Integration Rate.
    pub(super) rate: Rate<'a>,
    /// The other metrics.
    pub(super) metrics: &'a mut [Box<dyn Metric>],
    /// Memory, which takes the embeddings as well.
    pub(super) kept: Option<&'a mut KeptStates>,
    /// A file, which takes all states of all tokens.
    pub(super) export: Option<&'a mut StatesWriter>,
}

/// What the forward passes work with.
pub(super) struct Forward<'a> {
    /// The device.
    pub(super) gpu: &'a Gpu,
    /// The model on it.
    pub(super) vlm: &'a Vlm,
    /// What makes pixel values again that were not kept.
    pub(super) processor: &'a Processor,
    /// The states that the rate takes.
    pub(super) states: &'a [State],
    /// How many of them, one per layer, memory takes.
    pub(super) kept_states: usize,
    /// The tokens that count as text.
    pub(super) text_mask: TextMask,
    /// What the metrics are shown beside the states.
    pub(super) also: &'a [Extra],
    /// Device memory that there is for all of a measurement, where that is known.
    pub(super) budget: Option<u64>,
}

impl Forward<'_> {
    /// Runs the model over all pairs and gives their tokens to `targets`. While some pairs run, the next ones are recorded,
    /// their pictures made again where they were not kept.
    ///
    /// # Errors
    /// What the model or the device reports; or that somebody asked to stop.
    pub(super) async fn run(
        &self,
        pairs: &[&Prepared],
        targets: &mut Targets<'_>,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        self.run_until((pairs, 0), targets, &|| false, news).await?;
        Ok(())
    }

    /// As [`Forward::run`], of pairs `before` which others are done already; but it stops after some of them, at least one,
    /// where `pause` says so, and gives their number.
    ///
    /// # Errors
    /// As [`Forward::run`].
    pub(super) async fn run_until(
        &self,
        (pairs, before): (&[&Prepared], usize),
        targets: &mut Targets<'_>,
        pause: &dyn Fn() -> bool,
        news: &mut News<'_>,
    ) -> Result<usize, EngineError> {
        news.begin(Stage::Forward, (before + pairs.len()) as u64, UNIT)?;
        let mut runs = Runs::new(self.gpu);
        let outcome = self.all((pairs, before), targets, pause, &mut runs, news);
        let outcome = outcome.await;
        // Whatever happened, nothing is under way from here on.
        let rest = runs.wait(0, &mut told((pairs, before), news)).await;
        let done = outcome?;
        rest?;
        Ok(done)
    }

    async fn all(
        &self,
        (pairs, first): (&[&Prepared], usize),
        targets: &mut Targets<'_>,
        pause: &dyn Fn() -> bool,
        runs: &mut Runs,
        news: &mut News<'_>,
    ) -> Result<usize, EngineError> {
        let ids = self.captured(targets);
        let rows = self.rows(ids.len());
        // At first those of one forward pass: how long they take is not known yet.
        let tokens = |pair: &&Prepared| pair.prompt.input_ids.len();
        let (mut done, mut most, mut before) = (0, fitting(pairs.iter().map(tokens), rows), 0);
        let mut since = Instant::now();
        while done < pairs.len() && (done == 0 || !pause()) {
            let mut now = together(&pairs[done..], most, |pair| pair.pictures());
            if targets.export.is_some() {
                // What is exported keeps its memory until it has been read.
                now = &now[..fitting(now.iter().map(tokens), rows)];
            }
            if let Some(export) = &mut targets.export {
                export.begin_pairs(self.gpu, now)?;
            }
            let mut exported = Vec::new();
            let mut recording = Recording::new();
            let mut count = 0;
            while count < now.len() {
                let rest = &now[count..];
                let mut beside = self.beside(rest, &targets.rate, rows);
                if beside == 0 {
                    if count > 0 {
                        break;
                    }
                    runs.wait(0, &mut told((pairs, first), news)).await?;
                    targets.rate.settle(news.cancel).await?;
                    beside = self.beside(rest, &targets.rate, rows).max(1);
                }
                let captured = self
                    .record(&mut recording, &rest[..beside], &ids, targets)
                    .await?;
                if targets.export.is_some() {
                    exported.push((&rest[..beside], captured));
                }
                count += beside;
                platform::yield_now().await;
                news.check()?;
            }
            let span = done as f64..(done + count) as f64;
            let cancel = news.cancel;
            let mut tell = told((pairs, first), news);
            runs.send(&recording, span, cancel, &mut tell).await?;
            if let Some(export) = &mut targets.export {
                export.end_pairs().await?;
                for (pairs, states) in exported {
                    export.push(self.gpu, &states, pairs).await?;
                }
            }
            // The one before is done, this one may run on.
            runs.wait(1, &mut tell).await?;
            if before > 0 {
                let seconds = since.elapsed().as_secs_f64() / before as f64;
                most = match self.gpu.class() {
                    AdapterClass::Software if seconds < ON_SOFTWARE_BELOW => ON_SOFTWARE,
                    AdapterClass::Software => 1,
                    _ => ((TARGET_SECONDS / seconds) as usize).clamp(1, MOST_PICTURES),
                };
                since = Instant::now();
            }
            done += count;
            before = count;
        }
        Ok(done)
    }

    /// The states that `targets` take.
    fn captured(&self, targets: &Targets<'_>) -> BTreeSet<StateId> {
        let asked = targets.metrics.iter().flat_map(|metric| metric.states());
        let first = targets.kept.as_ref().map(|_| StateId::Embeddings);
        let own = self.states.iter().map(|state| state.id);
        let exported = targets.export.iter().flat_map(|export| export.states());
        (own.chain(first).chain(asked)).chain(exported).collect()
    }

    /// Tokens that the pairs of one forward pass have together at most, where so many states are kept of it.
    fn rows(&self, states: usize) -> usize {
        let share = self.budget.map_or(MOST_BYTES, |budget| budget / SHARE);
        let rows = share.min(MOST_BYTES) / self.vlm.bytes_per_row(states).max(1);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        self.vlm.rows_at_once().min(rows)
    }

    /// How many of the next pairs run in one forward pass: as many as have at most so many `rows` together and as the rate
    /// has room for. One whatever rows it has, and none where there is no room for it.
    fn beside(&self, pairs: &[&Prepared], rate: &Rate<'_>, rows: usize) -> usize {
        let count = fitting(pairs.iter().map(|pair| pair.prompt.input_ids.len()), rows);
        let mut tokens = [0; 2];
        let has_room = |pair: &&&Prepared| {
            tokens[0] += pair.prompt.vision.len();
            tokens[1] += pair.text(self.text_mask).len();
            rate.has_room(tokens)
        };
        pairs.iter().take(count).take_while(has_room).count()
    }

    /// Records some pairs: their forward pass, and the copying of their tokens. Where the captured states are
    /// dropped after this call, the next pairs are recorded into the same memory.
    async fn record(
        &self,
        recording: &mut Recording,
        pairs: &[&Prepared],
        ids: &BTreeSet<StateId>,
        targets: &mut Targets<'_>,
    ) -> Result<Vec<(StateId, Tensor)>, EngineError> {
        let request = CaptureRequest::new().with_all(ids.iter().copied().map(hook));
        let states_of = |capture: &Capture| -> Vec<(StateId, Tensor)> {
            let states = ids.iter();
            states
                .filter_map(|&id| Some((id, capture.get(hook(id))?.clone())))
                .collect()
        };
        let pixel_values = pixel_values_of(pairs, self.processor).await?;
        let inputs = pairs.iter().zip(&pixel_values);
        let inputs: Vec<_> = inputs.map(|(pair, pixels)| pair.input(pixels)).collect();
        let captured = states_of(&self.vlm.forward_all(recording, &inputs, &request)?);
        let rows = rows_of_pairs(&inputs, |pair| {
            let pair = pairs[pair];
            [&pair.prompt.vision, pair.text(self.text_mask)]
        });
        // Passes for the rate alone have no other metrics.
        let exported = targets.export.as_mut();
        let exported = exported.is_some_and(|export| !export.metrics().is_empty());
        let others = exported || !targets.metrics.is_empty();
        let wanted = |extra| others && self.also.contains(&extra);
        let without = match wanted(Extra::WithoutImage) {
            true => {
                let each = pairs.iter().map(|pair| {
                    WithoutImage::new(&pair.prompt, self.vlm.spec(), pair.text(self.text_mask))
                });
                let each: Vec<WithoutImage> = each.collect();
                let inputs: Vec<_> = each.iter().map(WithoutImage::input).collect();
                let capture = self.vlm.forward_all(recording, &inputs, &request)?;
                let rows = rows_of_pairs(&inputs, |pair| [&[], &each[pair].text]);
                Some((states_of(&capture), rows))
            }
            false => None,
        };
        let own = self.states.iter();
        let own = own.map(|state| state_of(&captured, state.id).cloned());
        let mut states = own.collect::<Result<Vec<Tensor>, _>>()?;
        targets.rate.push(recording, &states, &rows)?;
        for (index, (pair, [vision, text])) in pairs.iter().zip(&rows).enumerate() {
            let words = match wanted(Extra::LogitLens) {
                true => content_words_of(pair, self.processor),
                false => Vec::new(),
            };
            let without_image = without.as_ref().and_then(|(states, rows)| {
                let [_, text] = rows.get(index)?;
                Some(SecondPass { states, text })
            });
            let observation = Observation {
                states: &captured,
                vision,
                text,
                words: &words,
                without_image,
            };
            let of_export = targets.export.iter_mut();
            let of_export = of_export.flat_map(|export| export.metrics());
            for metric in targets.metrics.iter_mut().chain(of_export) {
                metric.push(recording, &observation)?;
            }
        }
        if let Some(kept) = &mut targets.kept {
            states.truncate(self.kept_states);
            states.insert(0, state_of(&captured, StateId::Embeddings)?.clone());
            kept.push(recording, &states, &rows)?;
        }
        Ok(captured)
    }
}

/// How many of prompts with so many tokens run in one forward pass of `most` tokens: the first one whatever it has.
pub(super) fn fitting(tokens: impl Iterator<Item = usize>, most: usize) -> usize {
    let mut all = 0;
    let fits = |(index, tokens): &(usize, usize)| {
        all += tokens;
        *index == 0 || all <= most
    };
    tokens.enumerate().take_while(fits).count()
}

/// The rows of each pair's vision and text tokens where the tokens of all `inputs` stand one below the other; `own` gives
/// them among the pair's own.
pub(super) fn rows_of_pairs<'a>(
    inputs: &[ForwardInput<'_>],
    own: impl Fn(usize) -> [&'a [u32]; 2],
) -> Vec<[Vec<u32>; 2]> {
    let mut first = 0;
    let below = inputs.iter().enumerate().map(|(pair, input)| {
        let rows = own(pair).map(|rows| rows.iter().map(|row| first + row).collect());
        first += input.input_ids.len() as u32;
        rows
    });
    below.collect()
}

/// Tells how many of the pairs are done, `before` which others were.
fn told((pairs, before): (&[&Prepared], usize), news: &mut News<'_>) -> impl FnMut(f64, &str) {
    let total = (before + pairs.len()) as u64;
    move |done, under_way| {
        let done = before as u64 + done as u64;
        let detail = if done < total { under_way } else { "" };
        news.progress_at(Stage::Forward, done, total, UNIT, detail.to_owned());
    }
}

/// The first of `items` that share a recording: `most` of them, with no more pictures in all than it
/// may have, but at least one.
fn together<T>(items: &[T], most: usize, pictures: impl Fn(&T) -> usize) -> &[T] {
    let mut sum = 0;
    let fits = |item: &&T| {
        sum += pictures(item);
        sum <= MOST_PICTURES
    };
    let count = items.iter().take(most).take_while(fits).count();
    &items[..count.max(1).min(items.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_many_pictures_run_in_smaller_groups() {
        let count = |items: &[usize], most| together(items, most, |pictures| *pictures).len();
        assert_eq!(count(&[1; 40], 40), MOST_PICTURES);
        assert_eq!(count(&[1; 40], 3), 3);
        assert_eq!(count(&[9, 9, 9, 9], 16), 3);
        assert_eq!(count(&[100, 1], 16), 1);
        assert_eq!(count(&[], 16), 0);
    }

    #[test]
    fn only_the_last_state_depends_on_the_definition() {
        let hooks = |definition| -> Vec<(Hook, String)> {
            let states = states(definition, 3).into_iter();
            states.map(|state| (hook(state.id), state.name())).collect()
        };
        let exact = hooks(Definition::Exact);
        let accurate = hooks(Definition::OfficialAccurate);
        assert_eq!(accurate, hooks(Definition::OfficialFast));
        assert_eq!(exact[..2], accurate[..2]);
        assert_eq!(exact[1], (Hook::Layer(2), "hidden_states[2]".to_owned()));
        assert_eq!(exact[2].0, Hook::Layer(3));
        assert!(exact[2].1.ends_with("before the final norm"));
        assert_eq!(accurate[2].0, Hook::FinalNorm);
        assert!(accurate[2].1.ends_with("after the final norm"));
    }
}
