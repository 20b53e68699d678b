//! Looking at the tokens of a conversation while an answer is written.

use std::collections::HashSet;

use super::{subject::Subject, talk::Talk};
use crate::{
    engine::{
        EngineError,
        session::{loaded::Loaded, look::attention_row},
    },
    families::Layout,
    gpu::{Gpu, Readback, Recording, Tensor},
    model::{Capture, CaptureRequest, Hook, KvCache},
    platform::Cancel,
    report::Watched,
};

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
        let prompt = self.subject.prompt();
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
