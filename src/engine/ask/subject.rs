//! What was asked about, so that its tokens can be looked at.

use std::{borrow::Cow, cell::Cell};

use crate::{
    engine::{
        ImageInput, describe,
        session::{
            loaded::Loaded,
            look::{Look, Looked},
        },
    },
    families::{ImagePlan, Rows, plan::rows_of},
    gpu::Gpu,
    input::{PixelValues, Prompt},
    model::ForwardInput,
    report::PairView,
};

/// Images of a question, ready for the tower.
pub(super) struct Seen {
    pub(super) plans: Vec<ImagePlan>,
    pub(super) pictures: Vec<PixelValues>,
}

/// What was asked about, as far as looking at it takes it.
pub(in crate::engine) struct Subject {
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
    pub(in crate::engine) fn view(&self, loaded: &Loaded, ids: &[u32]) -> PairView {
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

    /// The tokens `ids`, to be looked at.
    pub(in crate::engine) fn look<'a>(
        &'a self,
        gpu: &'a Gpu,
        loaded: &'a Loaded,
        ids: &'a [u32],
    ) -> Look<'a> {
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
