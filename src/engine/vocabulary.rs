//! What reads words off states: a loaded model, or the words alone that a file has of one.

use std::sync::Arc;

use super::{Extra, MeasureSettings, session::loaded::Loaded};
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

/// A model's words, where they are asked for. Who has them keeps the model.
pub(super) fn vocabulary_of(
    settings: &MeasureSettings,
    loaded: &Arc<Loaded>,
) -> Option<Arc<dyn Vocabulary>> {
    let reads = settings.also.contains(&Extra::LogitLens);
    reads.then(|| loaded.clone() as Arc<dyn Vocabulary>)
}

/// The words of a model that is not there.
pub(super) struct Words(pub(super) Vec<String>);

impl Words {
    /// All words of a vocabulary.
    pub(super) fn of(vocabulary: &dyn Vocabulary) -> Self {
        let ids = 0..vocabulary.size() as u32;
        Self(ids.map(|id| vocabulary.text(id)).collect())
    }
}

impl Vocabulary for Words {
    fn size(&self) -> usize {
        self.0.len()
    }

    fn logits(&self, _: &mut Recording, _: &Tensor) -> Result<Tensor, AlignmentError> {
        let reason = "a file has the words of a vocabulary, not the head that finds them";
        Err(AlignmentError::Model(reason.to_owned()))
    }

    fn text(&self, id: u32) -> String {
        self.0.get(id as usize).cloned().unwrap_or_default()
    }
}
