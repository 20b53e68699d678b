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
        let (image, vicuna, video, scaffold) = match &spec.vision {
            None => {
                let template = ChatTemplate::open(source, &tokenizer.config)?;
                let image = Placeholder {
                    renderer: Renderer::of_text(template, tokenizer.special())?,
                    token: String::new(),
                    id: None,
                };
                (image, None, None, Vec::new())
            }
            Some(vision) => {
                tokenizer.add(&vision.extra_tokens)?;
                if vision.shape == PromptShape::Question {
                    tokenizer.name("eos_token", spec.eos_token_id);
                }
                let video = vision.video_token_id;
                let scaffold = vision.scaffold.iter();
                let image = image(source, vision, &tokenizer)?;
                let vicuna = (!image.renderer.is_own()).then(|| Placeholder {
                    renderer: image.renderer.without_template(),
                    token: image.token.clone(),
                    id: image.id,
                });
                (
                    image,
                    vicuna,
                    video.map(|id| self::video(source, vision, &tokenizer, id)),
                    scaffold.filter_map(|token| tokenizer.id(token)).collect(),
                )
            }
        };
        let stops = question::stops(source, &tokenizer, &image.renderer)?;
        Ok(Self {
            image,
            vicuna,
            video,
            scaffold,
            stops,
            tokenizer,
            context: spec.text.context(),
            spec: spec.clone(),
        })
    }
}

/// What stands for an image.
fn image(
    source: &dyn ByteSource,
    vision: &VisionSpec,
    tokenizer: &Tokenizer,
) -> Result<Placeholder, InputError> {
    let template = match &vision.chat_template {
        Some(text) => Some(ChatTemplate::new("config.json", text)?),
        None => ChatTemplate::open(source, &tokenizer.config)?,
    };
    let (id, special) = (vision.image_token_id, tokenizer.special());
    let token = tokenizer
        .token(id)
        .or_else(|| special.get("image_token").cloned())
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
    let marker = vision.marker.unwrap_or(&token).to_owned();
    Ok(Placeholder {
        renderer: Renderer::new(template, vision.shape, marker, false, special)?,
        token,
        id: Some(id),
    })
}

/// What stands for a video. Many a tokenizer and template know none, which matters once there is one.
fn video(
    source: &dyn ByteSource,
    vision: &VisionSpec,
    tokenizer: &Tokenizer,
    id: u32,
) -> Result<Placeholder, InputError> {
    let token = tokenizer.token(id).ok_or_else(|| InputError::Tokenizer {
        file: Tokenizer::FILE.into(),
        reason: format!("it has no token {id}, the placeholder of videos by config.json"),
    })?;
    let template = ChatTemplate::open(source, &tokenizer.config)?;
    let (marker, special) = (token.clone(), tokenizer.special());
    Ok(Placeholder {
        renderer: Renderer::new(template, vision.shape, marker, true, special)?,
        token,
        id: Some(id),
    })
}
