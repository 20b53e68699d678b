//! What of the texts a prompt does not hold.

use std::ops::Range;

use super::PromptBuilder;
use crate::input::{
    error::InputError,
    passage::Passage,
    renderer::Rendered,
    tokenizer::{Encoded, Tokenizer},
};

impl PromptBuilder {
    /// Notes a text of which the tokenizer knows less than half.
    ///
    /// # Errors
    /// [`InputError::Tokenizer`] where nothing is left of the texts.
    pub(super) fn note_losses(
        &self,
        name: &str,
        rendered: &Rendered,
        encoded: &Encoded,
        contents: &[Vec<u32>],
        notes: &mut Vec<String>,
    ) -> Result<(), InputError> {
        let (mut known, mut all) = (0, 0);
        for (content, tokens) in rendered.contents.iter().zip(contents) {
            let mut end = content.range.start;
            for &token in tokens {
                let id = encoded.ids.get(token as usize).copied().unwrap_or_default();
                let span = encoded
                    .spans
                    .get(token as usize)
                    .cloned()
                    .unwrap_or_default();
                let span = span.start.max(end)..span.end.min(content.range.end);
                end = end.max(span.end);
                if !self.tokenizer.is_unknown(id) {
                    known += letters(&rendered.text, span);
                }
            }
            all += letters(&rendered.text, content.range.clone());
        }
        if known == 0 {
            return Err(InputError::Tokenizer {
                file: Tokenizer::FILE.into(),
                reason: format!("it knows nothing of {name}"),
            });
        }
        if 2 * known < all {
            notes.push(format!(
                "{name}: the tokenizer knows only {} % of the text",
                100 * known / all
            ));
        }
        Ok(())
    }

    /// Notes what of the passages `given` was not `taken`; the first text had `length` characters.
    pub(super) fn note_cuts(
        &self,
        name: &str,
        given: &[Passage<'_>],
        taken: &[Passage<'_>],
        length: usize,
        notes: &mut Vec<String>,
    ) {
        let context = self.context;
        let cut = given.len().saturating_sub(taken.len());
        if cut > 0 {
            // Of pairs each turn is an image with its text.
            let pairs = given.iter().all(|passage| passage.images == 1);
            let (what, out) = match (pairs, cut) {
                (true, 1) => ("images", "was left out with its text"),
                (true, _) => ("images", "were left out with their texts"),
                (false, 1) => ("turns", "was left out"),
                (false, _) => ("turns", "were left out"),
            };
            notes.push(format!(
                "{name}: the last {cut} of {} {what} {out} to fit the context of {context} tokens",
                given.len()
            ));
        }
        let left = taken
            .first()
            .map_or(0, |passage| passage.text.chars().count());
        if left < length {
            notes.push(format!(
                "{name}: the text was cut from {length} to {left} characters to fit the \
                 context of {context} tokens"
            ));
        }
    }
}

/// Bytes of a part of a text that are no white space; a token may stand for a part of a character.
fn letters(text: &str, part: Range<usize>) -> usize {
    let bytes = text.as_bytes().get(part).unwrap_or_default();
    bytes
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .count()
}
