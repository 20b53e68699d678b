//! A rendered prompt becomes token ids, as the family's own processor tokenizes it.

use super::{Placeholder, PromptBuilder};
use crate::input::{InputError, renderer::Rendered, tokenizer::Encoded};

impl PromptBuilder {
    /// Tokenizes. A beginning-of-sequence token that the prompt writes itself is not added again.
    pub(super) fn encode(
        &self,
        rendered: &Rendered,
        placeholder: &Placeholder,
    ) -> Result<Encoded, InputError> {
        if let Some(split) = rendered.split {
            let (before, behind) = rendered.text.split_at(split.min(rendered.text.len()));
            let mut encoded = self.tokenizer.encode(before, false)?;
            let more = self.tokenizer.encode(behind, false)?;
            encoded.ids.extend(more.ids);
            let moved = more.spans.into_iter();
            encoded
                .spans
                .extend(moved.map(|span| span.start + split..span.end + split));
            return Ok(encoded);
        }
        let bos = self.tokenizer.special().get("bos_token");
        let has_bos = bos.is_some_and(|bos| rendered.text.starts_with(bos.as_str()));
        match self.has_no_token(placeholder) {
            true => self.encode_between(&rendered.text, placeholder, !has_bos),
            false => self.tokenizer.encode(&rendered.text, !has_bos),
        }
    }

    /// Whether the vocabulary has no token for it.
    pub(super) fn has_no_token(&self, placeholder: &Placeholder) -> bool {
        (placeholder.id).is_some_and(|id| id as usize >= self.spec.text.vocab_size)
    }

    /// Tokenizes what stands between the placeholders, each part by itself, as LLaVA's own code does
    /// (`tokenizer_image_token`).
    fn encode_between(
        &self,
        text: &str,
        placeholder: &Placeholder,
        special: bool,
    ) -> Result<Encoded, InputError> {
        let mut all = Encoded {
            ids: Vec::new(),
            spans: Vec::new(),
        };
        let mut at = 0;
        for (index, part) in text.split(&placeholder.token).enumerate() {
            if index > 0 {
                all.ids.extend(placeholder.id);
                all.spans.push(at..at + placeholder.token.len());
                at += placeholder.token.len();
            }
            if !part.is_empty() {
                let encoded = self.tokenizer.encode(part, special && index == 0)?;
                all.ids.extend(encoded.ids);
                let moved = encoded.spans.into_iter();
                all.spans
                    .extend(moved.map(|span| span.start + at..span.end + at));
            }
            at += part.len();
        }
        Ok(all)
    }
}
