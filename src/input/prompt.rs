//! The prompt of an image-text pair, with its token masks.

use std::ops::Range;

use super::{
    chat_template::ChatTemplate,
    error::InputError,
    renderer::{Rendered, Renderer},
    tokenizer::{Encoded, Tokenizer},
};
use crate::weights::{ByteSource, VlmConfig};

/// Where a prompt's form comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptForm {
    /// The checkpoint's chat template, in this file.
    ChatTemplate(String),
    /// The conversation called vicuna_v1, for checkpoints without a template.
    VicunaV1,
}

/// A tokenized image-text pair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Token ids, the image's positions included.
    pub input_ids: Vec<u32>,
    /// Positions of the image tokens, ascending.
    pub vision: Vec<u32>,
    /// Positions of all tokens after the last image token.
    pub text_official: Vec<u32>,
    /// Positions of the tokens that stand for some of the text itself.
    pub text_content: Vec<u32>,
    /// What a reader of the report should know: a text that was cut.
    pub notes: Vec<String>,
    /// Where the form comes from.
    pub form: PromptForm,
}

/// Makes prompts for one checkpoint.
pub struct PromptBuilder {
    tokenizer: Tokenizer,
    renderer: Renderer,
    image_token_id: u32,
    image_tokens: usize,
    context: usize,
    vocab_size: usize,
}

impl PromptBuilder {
    /// Reads tokenizer and chat template of a checkpoint.
    ///
    /// # Errors
    /// A file is missing or does not parse, or the template renders no image or no text.
    pub fn open(source: &dyn ByteSource, config: &VlmConfig) -> Result<Self, InputError> {
        let tokenizer = Tokenizer::open(source)?;
        let template = ChatTemplate::open(source, &tokenizer.config)?;
        let image_token = tokenizer
            .token(config.image_token_id)
            .or_else(|| tokenizer.special().get("image_token").cloned())
            .filter(|token| !token.is_empty())
            .unwrap_or_else(|| "<image>".into());
        let image_tokens = config.num_image_tokens();
        Ok(Self {
            renderer: Renderer::new(template, image_token, image_tokens, tokenizer.special())?,
            tokenizer,
            image_token_id: config.image_token_id,
            image_tokens,
            context: config.text.max_position_embeddings,
            vocab_size: config.text.vocab_size,
        })
    }

    /// Where the prompts' form comes from.
    pub fn form(&self) -> PromptForm {
        match self.renderer.template_file() {
            Some(file) => PromptForm::ChatTemplate(file.into()),
            None => PromptForm::VicunaV1,
        }
    }

    /// The token of an id as text, spaces included; bytes that are no character alone as `<0xE2>`.
    pub fn token_text(&self, id: u32) -> String {
        self.tokenizer.text(id)
    }

    /// The prompt of an image with `text`, which is called `name` in messages. A text that does
    /// not fit the context is cut at the end, with a note.
    ///
    /// # Errors
    /// [`InputError::EmptyText`], [`InputError::ContextTooShort`], or a tokenizer or template that
    /// does not fit the configuration.
    pub fn pair(&self, name: &str, text: &str) -> Result<Prompt, InputError> {
        let mut notes = Vec::new();
        let mut text = text.to_owned();
        let image_token = self.renderer.image_token();
        if text.contains(image_token) {
            // Again and again, for what is left may join into another one.
            while text.contains(image_token) {
                text = text.replace(image_token, "");
            }
            notes.push(format!("{name}: `{image_token}` was removed from the text"));
        }
        let length = text.chars().count();
        loop {
            if text.trim().is_empty() {
                return Err(InputError::EmptyText { name: name.into() });
            }
            let rendered = self.renderer.render(&text)?;
            let encoded = self.encode(&rendered)?;
            let content = content_tokens(&encoded, &rendered);
            let excess = encoded.ids.len().saturating_sub(self.context);
            if excess == 0 {
                let left = text.chars().count();
                if left < length {
                    notes.push(format!(
                        "{name}: the text was cut from {length} to {left} characters to fit the \
                         context of {} tokens",
                        self.context
                    ));
                }
                return self.finish(encoded, content, notes);
            }
            // Cut where the first token too many begins; the next round counts again, for the
            // tokens of a shorter text may be others.
            let keep = content.len().saturating_sub(excess);
            let start = content
                .get(keep)
                .and_then(|&token| encoded.spans.get(token as usize))
                .map_or(0, |span| span.start.saturating_sub(rendered.content.start));
            let mut end = (rendered.trimmed + start).min(text.len() - 1);
            while !text.is_char_boundary(end) {
                end -= 1;
            }
            text.truncate(end);
            if keep == 0 || text.trim().is_empty() {
                return Err(InputError::ContextTooShort {
                    name: name.into(),
                    context: self.context,
                    needed: encoded.ids.len() - content.len(),
                });
            }
        }
    }

    fn finish(
        &self,
        encoded: Encoded,
        text_content: Vec<u32>,
        notes: Vec<String>,
    ) -> Result<Prompt, InputError> {
        if let Some(&id) = encoded
            .ids
            .iter()
            .find(|&&id| id as usize >= self.vocab_size)
        {
            return Err(InputError::TokenId {
                file: Tokenizer::FILE.into(),
                vocab_size: self.vocab_size,
                found: id,
            });
        }
        let positions = 0..encoded.ids.len() as u32;
        let vision: Vec<u32> = positions
            .clone()
            .filter(|&i| encoded.ids[i as usize] == self.image_token_id)
            .collect();
        if vision.len() != self.image_tokens {
            return Err(InputError::ImageTokens {
                file: Tokenizer::FILE.into(),
                token: self.renderer.image_token().into(),
                id: self.image_token_id,
                expected: self.image_tokens,
                found: vision.len(),
            });
        }
        let after = vision.last().map_or(0, |last| last + 1);
        Ok(Prompt {
            text_official: (after..positions.end).collect(),
            input_ids: encoded.ids,
            vision,
            text_content,
            notes,
            form: self.form(),
        })
    }

    /// Tokenizes. A beginning-of-sequence token that the prompt writes itself is not added again.
    fn encode(&self, rendered: &Rendered) -> Result<Encoded, InputError> {
        let bos = self.tokenizer.special().get("bos_token");
        let has_bos = bos.is_some_and(|bos| rendered.text.starts_with(bos.as_str()));
        self.tokenizer.encode(&rendered.text, !has_bos)
    }
}

/// Positions of the tokens that overlap the pair's own text.
fn content_tokens(encoded: &Encoded, rendered: &Rendered) -> Vec<u32> {
    let content = &rendered.content;
    let overlaps = |span: &Range<usize>| span.start < content.end && span.end > content.start;
    (0..)
        .zip(&encoded.spans)
        .filter(|(_, span)| overlaps(span))
        .map(|(i, _)| i)
        .collect()
}
