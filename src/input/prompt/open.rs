//! What a checkpoint's prompts are made with: its tokenizer, its template, its placeholder.

use super::{Placeholder, PromptBuilder, question};
use crate::{
    families::{ModelSpec, PromptShape, VisionSpec},
    input::{InputError, renderer::Renderer, template::ChatTemplate, tokenizer::Tokenizer},
    weights::ByteSource,
};

impl PromptBuilder {
    /// Reads tokenizer and chat template of a checkpoint.
    ///
    /// # Errors
    /// A file is missing or does not parse, or the template renders no image or no text; of a model without
    /// a vision tower only that it renders no text.
    pub fn open(source: &dyn ByteSource, spec: &ModelSpec) -> Result<Self, InputError> {
        let mut tokenizer = Tokenizer::open(source)?;
        let (renderer, placeholder, scaffold) = match &spec.vision {
            None => {
                let template = ChatTemplate::open(source, &tokenizer.config)?;
                let renderer = Renderer::of_text(template, tokenizer.special())?;
                (renderer, None, Vec::new())
            }
            Some(vision) => {
                tokenizer.add(&vision.extra_tokens)?;
                if vision.shape == PromptShape::Question {
                    tokenizer.name("eos_token", spec.eos_token_id);
                }
                let template = match &vision.chat_template {
                    Some(text) => Some(ChatTemplate::new("config.json", text)?),
                    None => ChatTemplate::open(source, &tokenizer.config)?,
                };
                let placeholder = placeholder(&tokenizer, vision)?;
                let marker = vision.marker.unwrap_or(&placeholder.token).to_owned();
                let special = tokenizer.special();
                let renderer = Renderer::new(template, vision.shape, marker, special)?;
                let scaffold = vision.scaffold.iter();
                let scaffold = scaffold.filter_map(|token| tokenizer.id(token));
                (renderer, Some(placeholder), scaffold.collect())
            }
        };
        let stops = question::stops(source, &tokenizer, &renderer)?;
        Ok(Self {
            renderer,
            placeholder,
            scaffold,
            stops,
            tokenizer,
            context: spec.text.context(),
            spec: spec.clone(),
        })
    }
}

/// The token that stands for a part of an image.
fn placeholder(tokenizer: &Tokenizer, vision: &VisionSpec) -> Result<Placeholder, InputError> {
    let id = vision.image_token_id;
    let token = tokenizer
        .token(id)
        .or_else(|| tokenizer.special().get("image_token").cloned())
        .filter(|token| !token.is_empty())
        .unwrap_or_else(|| "<image>".into());
    let own = &vision.extra_tokens;
    if !own.is_empty() && !own.contains(&token) {
        return Err(InputError::Tokenizer {
            file: Tokenizer::FILE.into(),
            reason: format!(
                "the id {id} of an image's placeholder is {token:?}, not one of the tokens that \
                 config.json adds: it is not the tokenizer that config.json names (lm_tokenizer)"
            ),
        });
    }
    Ok(Placeholder { token, id })
}
