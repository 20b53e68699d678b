//! Looking at the tokens of a conversation, afterwards and while an answer is written.

use std::{borrow::Cow, cell::Cell, collections::HashSet};

use super::{
    super::{
        EngineError, Event, ImageInput, Session, TalkQuestion, describe,
        session::{Loaded, Look, Looked, attention_row},
    },
    Seen,
    talk::Talk,
};
use crate::{
    families::{Layout, Rows, plan::rows_of},
    gpu::{Gpu, Readback, Recording, Tensor},
    input::Prompt,
    model::{Capture, CaptureRequest, ForwardInput, Hook, KvCache},
    platform::Cancel,
    report::{PairView, Watched},
};

/// What was asked about, as far as looking at it takes it.
pub(super) struct Subject {
    seen: Seen,
    /// The images' names.
    names: Vec<String>,
    rows: Option<Rows>,
    prompt: Prompt,
    looked: Cell<Option<Looked>>,
}

impl Subject {
    pub(super) fn new(seen: Seen, images: &[ImageInput], prompt: Prompt) -> Self {
        Self {
            rows: rows_of(&seen.plans),
            names: images.iter().map(ImageInput::name).collect(),
            seen,
            prompt,
            looked: Cell::new(None),
        }
    }

    /// What the model takes of it and of the answer, whose tokens are the last of `ids`.
    fn input<'a>(&'a self, ids: &'a [u32]) -> ForwardInput<'a> {
        ForwardInput {
            pixel_values: &[],
            rows: self.rows.as_ref(),
            input_ids: ids,
            vision: &self.prompt.vision,
            layout: &self.prompt.layout,
        }
    }

    /// The prompt.
    pub(super) fn prompt(&self) -> &Prompt {
        &self.prompt
    }

    /// What the model takes of the prompt.
    pub(super) fn asked(&self) -> ForwardInput<'_> {
        ForwardInput {
            pixel_values: &self.seen.pictures,
            ..self.input(&self.prompt.input_ids)
        }
    }

    /// What stands at the places `ids`, as the model sees it.
    pub(super) fn view(&self, loaded: &Loaded, ids: &[u32]) -> PairView {
        let (plans, prompt) = (&self.seen.plans, &self.prompt);
        // What follows the images, as the official mask has it: the question and the answer.
        let first = prompt.vision.last().map_or(0, |last| last + 1);
        let text = first..ids.len() as u32;
        PairView {
            pair: 0,
            name: self.names.first().cloned().unwrap_or_default(),
            text: String::new(),
            pictures: loaded.pictures(&self.names, plans, &self.seen.pictures),
            tokens: loaded.tokens(ids, text, &prompt.vision, plans),
            stages: describe::stages(loaded.vlm.spec(), plans, ids.len()),
        }
    }

    fn look<'a>(&'a self, gpu: &'a Gpu, loaded: &'a Loaded, ids: &'a [u32]) -> Look<'a> {
        Look {
            gpu,
            loaded,
            pair: 0,
            input: self.input(ids),
            pixel_values: Box::new(|| Ok(Cow::Borrowed(self.seen.pictures.as_slice()))),
            looked: &self.looked,
        }
    }
}

impl Session {
    /// Answers a question about the conversation.
    ///
    /// # Errors
    /// [`EngineError::NoConversation`], and what the answer needs.
    pub(in crate::engine) async fn explore_talk(
        &self,
        question: TalkQuestion,
        cancel: &Cancel,
    ) -> Result<Event, EngineError> {
        let (Some(device), Some(loaded), Some(talk)) = (&self.device, &self.loaded, &self.talk)
        else {
            return Err(EngineError::NoConversation);
        };
        let Some(subject) = &talk.subject else {
            return Err(EngineError::NoConversation);
        };
        device.gpu.check_health()?;
        let look = subject.look(&device.gpu, loaded, &talk.ids);
        Ok(match question {
            TalkQuestion::Tokens => Event::Pair(Box::new(subject.view(loaded, &talk.ids))),
            TalkQuestion::LogitLens { position } => {
                Event::LogitLens(Box::new(look.logit_lens(position, cancel).await?))
            }
            TalkQuestion::Attention { position, layer } => {
                Event::Attention(Box::new(look.attention(position, layer, cancel).await?))
            }
        })
    }
}

/// What is watched while an answer is written.
pub(super) struct Watch<'a> {
    gpu: &'a Gpu,
    loaded: &'a Loaded,
    subject: &'a Subject,
    layer: usize,
    /// Image tokens whose words were told.
    told: HashSet<usize>,
    capture: Capture,
    /// The weights of the step under way, with the position that looks.
    weights: Option<(Tensor, usize)>,
    /// Those that were read last.
    row: Option<(Vec<f32>, usize)>,
}

impl<'a> Watch<'a> {
    /// At decoder layer `layer`, which the model has.
    pub(super) fn new(
        gpu: &'a Gpu,
        loaded: &'a Loaded,
        subject: &'a Subject,
        layer: usize,
    ) -> Self {
        Self {
            gpu,
            loaded,
            subject,
            layer,
            told: HashSet::new(),
            capture: Capture::default(),
            weights: None,
            row: None,
        }
    }

    /// The states that it needs, when the image is read, too, or not.
    pub(super) fn request(&self, image: bool) -> CaptureRequest {
        let request = CaptureRequest::new().with(Hook::Queries(self.layer));
        match image {
            true => request.with_lens(self.loaded.vlm.spec().text.num_hidden_layers),
            false => request,
        }
    }

    /// Takes the states of a pass.
    pub(super) fn take(&mut self, capture: Capture) {
        self.capture = capture;
    }

    /// The residual stream of what was read, where it was asked for.
    pub(super) fn stream(&self) -> Option<Capture> {
        (self.capture.get(Hook::InputsEmbeds).is_some()).then(|| self.capture.clone())
    }

    /// Records where the token at `position` looks, which was read last.
    pub(super) fn record(
        &mut self,
        recording: &mut Recording,
        cache: &KvCache,
        layout: &Layout,
        position: usize,
    ) -> Result<(), EngineError> {
        let vlm = &self.loaded.vlm;
        let place = (&self.capture, cache);
        let out = vlm.attention_of_last(recording, place, layout, self.layer, position)?;
        self.weights = Some((out, position));
        Ok(())
    }

    /// What is to be read of the device beside the token.
    pub(super) fn weights(&self) -> Option<&Tensor> {
        self.weights.as_ref().map(|(weights, _)| weights)
    }

    /// Takes what was read.
    pub(super) fn read(&mut self, read: Option<&Readback>) {
        if let (Some((_, position)), Some(read)) = (self.weights.take(), read) {
            self.row = Some((read.values.clone(), position));
        }
    }

    /// What the token that is told now was written from.
    pub(super) async fn watched(
        &mut self,
        talk: &Talk,
        cancel: &Cancel,
    ) -> Result<Option<Box<Watched>>, EngineError> {
        let Some((weights, position)) = self.row.take() else {
            return Ok(None);
        };
        let prompt = &self.subject.prompt;
        let seen = (self.loaded.vlm).seen_from(&prompt.layout, self.layer, position);
        let attention = attention_row(0, position, self.layer, (&weights, seen));
        let mean = attention.mean();
        let weight = |at: &usize| mean.get(*at).copied().unwrap_or(0.0);
        let vision = prompt.vision.iter().map(|at| *at as usize);
        let most = vision.max_by(|a, b| weight(a).total_cmp(&weight(b)));
        let mut lens = None;
        if let (Some(most), Some(stream)) = (most, &talk.stream)
            && self.told.insert(most)
        {
            let look = self.subject.look(self.gpu, self.loaded, &talk.ids);
            lens = Some(look.lens_of(stream, most, cancel).await?);
        }
        Ok(Some(Box::new(Watched { attention, lens })))
    }
}
