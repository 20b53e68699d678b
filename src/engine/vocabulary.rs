//! A loaded model as what reads words off states.

use super::session::loaded::Loaded;
use crate::{
    alignment::{AlignmentError, Vocabulary},
    gpu::{Recording, Tensor},
    model::ModelError,
};

impl Vocabulary for Loaded {
    fn size(&self) -> usize {
        self.vlm.spec().text.vocab_size
    }

    fn logits(&self, recording: &mut Recording, states: &Tensor) -> Result<Tensor, AlignmentError> {
        let found = self.vlm.words_of(recording, states);
        found.map_err(|error| match error {
            ModelError::Gpu(error) => error.into(),
            error => AlignmentError::Model(error.to_string()),
        })
    }

    fn text(&self, id: u32) -> String {
        self.processor.token_text(id)
    }
}
