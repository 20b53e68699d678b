//! What a checkpoint's prompts are made with: its tokenizer, its template, its placeholder.

use super::{Placeholder, PromptBuilder};
use crate::{
    families::{ModelSpec, PromptShape},
    input::{InputError, renderer::Renderer, template::ChatTemplate, tokenizer::Tokenizer},
    weights::ByteSource,
};

impl PromptBuilder {
    /// Reads tokenizer and chat template of a checkpoint.
    ///
    /// # Errors
    /// A file is missing or does not parse, the template renders no image or no text, or the model
    /// has no vision tower.
    pub fn open(source: &dyn ByteSource, spec: &ModelSpec) -> Result<Self, InputError> {
        let vision = spec.vision()?;
        let mut tokenizer = Tokenizer::open(source)?;
        tokenizer.add(&vision.extra_tokens)?;
        let template = match &vision.chat_template {
            Some(text) => Some(ChatTemplate::new("config.json", text)?),
            None => ChatTemplate::open(source, &tokenizer.config)?,
        };
        if vision.shape == PromptShape::Question {
            tokenizer.name("eos_token", spec.eos_token_id);
        }
        let image_token = tokenizer
            .token(vision.image_token_id)
            .or_else(|| tokenizer.special().get("image_token").cloned())
            .filter(|token| !token.is_empty())
            .unwrap_or_else(|| "<image>".into());
        let marker = vision
            .marker
            .map_or_else(|| image_token.clone(), str::to_owned);
        let own = &vision.extra_tokens;
        if !own.is_empty() && !own.contains(&image_token) {
            return Err(InputError::Tokenizer {
                file: Tokenizer::FILE.into(),
                reason: format!(
                    "the id {} of an image's placeholder is {image_token:?}, not one of the tokens that \
                     config.json adds: it is not the tokenizer that config.json names (lm_tokenizer)",
                    vision.image_token_id
                ),
            });
        }
        let (scaffold, special) = (vision.scaffold.iter(), tokenizer.special());
        Ok(Self {
            image: Placeholder {
                renderer: Renderer::new(template, vision.shape, marker, false, special)?,
                token: image_token,
                id: vision.image_token_id,
            },
            video: vision
                .video_token_id
                .map(|id| video(source, spec, &tokenizer, id)),
            scaffold: scaffold.filter_map(|token| tokenizer.id(token)).collect(),
            tokenizer,
            context: spec.text.context(),
            spec: spec.clone(),
        })
    }
}

/// What stands for a video. Many a tokenizer and template know none, which matters once there is one.
fn video(
    source: &dyn ByteSource,
    spec: &ModelSpec,
    tokenizer: &Tokenizer,
    id: u32,
) -> Result<Placeholder, InputError> {
    let token = tokenizer.token(id).ok_or_else(|| InputError::Tokenizer {
        file: Tokenizer::FILE.into(),
        reason: format!("it has no token {id}, the placeholder of videos by config.json"),
    })?;
    let template = ChatTemplate::open(source, &tokenizer.config)?;
    let shape = spec.vision()?.shape;
    Ok(Placeholder {
        renderer: Renderer::new(template, shape, token.clone(), true, tokenizer.special())?,
        token,
        id,
    })
}
