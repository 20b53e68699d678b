//! An answer while it comes.

use super::super::EngineError;
use crate::input::PromptBuilder;

/// The tokens of an answer, and as much of its text as was told.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    /// The tokens.
    pub(super) ids: Vec<u32>,
    told: String,
}

impl Spoken {
    /// Adds a token; what the text gains by it. The bytes of a character may come in several tokens: they
    /// are told together.
    pub(super) fn add(&mut self, id: u32, prompts: &PromptBuilder) -> Result<String, EngineError> {
        self.ids.push(id);
        let text = prompts.decode(&self.ids)?;
        match text.ends_with(char::REPLACEMENT_CHARACTER) {
            true => Ok(String::new()),
            false => Ok(self.gained(text)),
        }
    }

    /// What is left to tell when nothing more comes, and the whole text.
    pub(super) fn end(&mut self, prompts: &PromptBuilder) -> Result<String, EngineError> {
        let text = prompts.decode(&self.ids)?;
        Ok(self.gained(text))
    }

    /// The text.
    pub(super) fn text(self) -> String {
        self.told
    }

    fn gained(&mut self, text: String) -> String {
        // A decoder may change what it gave before; what was told stays.
        let gained = match text.strip_prefix(&self.told) {
            Some(gained) => gained.to_owned(),
            None => text.get(self.told.len()..).unwrap_or_default().to_owned(),
        };
        self.told += &gained;
        gained
    }
}
