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
        // Bytes that turn out to be none of a character may change what was told before them: that stays,
        // and what follows is told from there on.
        let gained = match text.strip_prefix(&self.told) {
            Some(gained) => gained.to_owned(),
            None => text.chars().skip(self.told.chars().count()).collect(),
        };
        self.told += &gained;
        gained
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{families, weights::FolderSource};

    fn prompts(case: &str) -> PromptBuilder {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/families/decoder");
        let folder = root.join(case);
        let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
        let spec = families::parse("config.json", &config).unwrap();
        PromptBuilder::open(&FolderSource::open(folder).unwrap(), &spec).unwrap()
    }

    fn told(prompts: &PromptBuilder, ids: &[u32]) -> Vec<String> {
        let mut spoken = Spoken::default();
        let mut told: Vec<String> = (ids.iter())
            .map(|id| spoken.add(*id, prompts).unwrap())
            .collect();
        told.push(spoken.end(prompts).unwrap());
        assert_eq!(told.concat(), spoken.text());
        told
    }

    #[test]
    fn characters_of_several_tokens_are_told_whole() {
        // Bytes as tokens of their own, and bytes behind pieces of words.
        for case in ["qwen2", "mistral"] {
            let prompts = prompts(case);
            let text = "caf\u{e9} \u{4e2d}\u{6587} \u{1f600} end";
            let ids = prompts.continued("a text", text, &[]).unwrap().input_ids;
            let told = told(&prompts, &ids);
            assert_eq!(told.concat().trim_start(), text, "{case}");
            assert!(
                !told.iter().any(|part| part.contains('\u{fffd}')),
                "{told:?}"
            );
            let silent = told.iter().filter(|part| part.is_empty()).count();
            assert!(silent >= 6, "{case}: {told:?}");
        }
    }

    #[test]
    fn a_byte_that_spoils_those_before_it_ends_no_answer() {
        let prompts = prompts("mistral");
        let words = prompts.continued("a text", "the hill", &[]).unwrap();
        let words = words.input_ids;
        // The bytes stand behind five special tokens.
        let byte = |byte: u32| 5 + byte;
        assert_eq!(prompts.decode(&[byte(0x41)]).unwrap(), "A");
        // An A, a part of a character, words.
        let ids = [&[byte(0x41), byte(0xe4)], &words[..], &words[..]].concat();
        let told = told(&prompts, &ids).concat();
        assert!(
            told.starts_with('A') && told.ends_with("the hill"),
            "{told}"
        );
        assert_eq!(told.matches("the hill").count(), 2, "{told}");
    }
}
