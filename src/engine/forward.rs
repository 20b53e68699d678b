//! Forward passes, pair by pair, into the metric or into memory.

use std::collections::BTreeSet;

use web_time::Instant;

use super::{
    EngineError, Extra, Stage, content_words::content_words, news::News, prepare::Prepared,
    session::kept::KeptStates, states_file::StatesWriter, without_image::WithoutImage,
};
use crate::{
    alignment::{AlignmentError, Metric, Mir, Observation, Second, SecondPass, StateId, Streamed},
    gpu::{Gpu, Recording, Tensor},
    input::Processor,
    model::{CaptureRequest, Hook, Vlm},
    platform::{self, Cancel},
    report::{Definition, TextMask},
};

/// Seconds that the pairs of one recording should take together: enough that a small model does not
/// wait for the device after each pair.
const TARGET_SECONDS: f64 = 0.2;
/// Most pictures in one recording, unless a single pair has more; bounds the memory of their pixel
/// values on the device.
const MOST_PICTURES: usize = 16;

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

/// The Modality Integration Rate's way with the tokens.
pub(super) enum Rate<'a> {
    /// It holds them all.
    Held(&'a mut Mir),
    /// It holds sums of them.
    Streamed(&'a mut Streamed),
    /// It takes them once more, for intervals.
    Second(&'a mut Second),
    /// There is none: the states only go into a file.
    Nobody,
}

impl Rate<'_> {
    /// Whether a pair with so many tokens (vision, text) can come before [`Rate::settle`].
    pub(super) fn has_room(&self, tokens: [usize; 2]) -> bool {
        match self {
            Self::Held(_) | Self::Nobody => true,
            Self::Streamed(streamed) => streamed.has_room(tokens),
            Self::Second(second) => second.has_room(tokens),
        }
    }

    /// Makes room, once what was recorded has run.
    pub(super) async fn settle(&mut self, cancel: &Cancel) -> Result<(), AlignmentError> {
        match self {
            Self::Held(_) | Self::Nobody => Ok(()),
            Self::Streamed(streamed) => streamed.settle(cancel).await,
            Self::Second(second) => second.settle(cancel).await,
        }
    }

    /// As [`Mir::push`].
    pub(super) fn push(
        &mut self,
        recording: &mut Recording,
        states: &[Tensor],
        vision: &[u32],
        text: &[u32],
    ) -> Result<(), AlignmentError> {
        match self {
            Self::Held(mir) => mir.push(recording, states, vision, text),
            Self::Streamed(streamed) => streamed.push(recording, states, vision, text),
            Self::Second(second) => second.push(recording, states, vision, text),
            Self::Nobody => Ok(()),
        }
    }
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
}

impl Forward<'_> {
    /// Runs the model over all pairs and gives their tokens to `targets`.
    ///
    /// # Errors
    /// What the model or the device reports; or that somebody asked to stop.
    pub(super) async fn run(
        &self,
        pairs: &[&Prepared],
        targets: &mut Targets<'_>,
        news: &mut News<'_>,
    ) -> Result<(), EngineError> {
        const UNIT: &str = "pairs";
        let total = pairs.len() as u64;
        news.begin(Stage::Forward, total, UNIT)?;
        let (mut done, mut batch) = (0, 1);
        while done < pairs.len() {
            let start = Instant::now();
            // What is exported keeps its memory until it has been read.
            let most = targets.export.as_ref().map_or(batch, |_| 1);
            let mut exported = Vec::new();
            let now = together(&pairs[done..], most, |pair| pair.pictures());
            let cancel = news.cancel;
            let tokens =
                |pair: &Prepared| [pair.prompt.vision.len(), pair.text(self.text_mask).len()];
            let mut recording = Recording::new();
            let mut count = 0;
            for pair in now {
                if !targets.rate.has_room(tokens(pair)) {
                    if count > 0 {
                        break;
                    }
                    targets.rate.settle(cancel).await?;
                }
                let captured = self.record(&mut recording, pair, targets)?;
                if targets.export.is_some() {
                    exported.push((*pair, captured));
                }
                count += 1;
                platform::yield_now().await;
                news.check()?;
            }
            let now = &now[..count];
            self.gpu
                .run_with(&recording, cancel, &mut |share, under_way| {
                    let done = (done as f64 + share * now.len() as f64) as u64;
                    let detail = if done < total { under_way } else { "" };
                    news.progress_at(Stage::Forward, done, total, UNIT, detail.to_owned());
                })
                .await?;
            if let Some(export) = &mut targets.export {
                for (pair, states) in exported {
                    export.push(self.gpu, &states, pair).await?;
                }
            }
            done += now.len();
            let seconds = start.elapsed().as_secs_f64() / now.len() as f64;
            batch = ((TARGET_SECONDS / seconds) as usize).clamp(1, MOST_PICTURES);
        }
        Ok(())
    }

    /// Records one pair: its forward pass, and the copying of its tokens. Where the captured states are
    /// dropped after this call, the next pair is recorded into the same memory.
    fn record(
        &self,
        recording: &mut Recording,
        pair: &Prepared,
        targets: &mut Targets<'_>,
    ) -> Result<Vec<(StateId, Tensor)>, EngineError> {
        let asked = targets.metrics.iter().flat_map(|metric| metric.states());
        let first = targets.kept.as_ref().map(|_| StateId::Embeddings);
        let own = self.states.iter().map(|state| state.id);
        let exported = targets.export.iter().flat_map(|export| export.states());
        let ids: BTreeSet<StateId> = (own.chain(first).chain(asked)).chain(exported).collect();
        let request = CaptureRequest::new().with_all(ids.iter().copied().map(hook));
        let pixel_values = pair.pixel_values(self.processor)?;
        let input = pair.input(&pixel_values);
        let capture = self.vlm.forward(recording, &input, &request)?;
        let captured: Vec<(StateId, Tensor)> = (ids.iter())
            .filter_map(|&id| Some((id, capture.get(hook(id))?.clone())))
            .collect();
        let text = pair.text(self.text_mask);
        // Passes for the rate alone have no other metrics.
        let wanted = |extra| !targets.metrics.is_empty() && self.also.contains(&extra);
        let words = match wanted(Extra::LogitLens) {
            true => self.content_words(pair),
            false => Vec::new(),
        };
        let asked = wanted(Extra::WithoutImage);
        let without = match asked.then(|| WithoutImage::new(&pair.prompt, self.vlm.spec(), text)) {
            Some(without) => {
                let capture = self.vlm.forward(recording, &without.input(), &request)?;
                let states = (ids.iter())
                    .filter_map(|&id| Some((id, capture.get(hook(id))?.clone())))
                    .collect::<Vec<_>>();
                Some((states, without.text))
            }
            None => None,
        };
        let observation = Observation {
            states: &captured,
            vision: &pair.prompt.vision,
            text,
            words: &words,
            without_image: (without.as_ref()).map(|(states, text)| SecondPass { states, text }),
        };
        let (vision, text) = (observation.vision, observation.text);
        let own = self.states.iter();
        let own = own.map(|state| observation.state(state.id).cloned());
        let mut states = own.collect::<Result<Vec<Tensor>, _>>()?;
        targets.rate.push(recording, &states, vision, text)?;
        for metric in targets.metrics.iter_mut() {
            metric.push(recording, &observation)?;
        }
        if let Some(kept) = &mut targets.kept {
            states.truncate(self.kept_states);
            states.insert(0, observation.state(StateId::Embeddings)?.clone());
            kept.push(recording, &states, vision, text)?;
        }
        Ok(captured)
    }
}

impl Forward<'_> {
    fn content_words(&self, pair: &Prepared) -> Vec<u32> {
        let positions = pair.prompt.text_content.iter();
        let ids = positions.filter_map(|&position| pair.prompt.input_ids.get(position as usize));
        let ids: Vec<u32> = ids.copied().collect();
        content_words(&ids, |id| self.processor.token_text(id))
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
        assert_eq!(count(&[5, 5, 5, 5], 16), 3);
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
