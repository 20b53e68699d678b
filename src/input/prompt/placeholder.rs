//! What stands for images and videos in a prompt.

use std::ops::Range;

use super::PromptBuilder;
use crate::{
    families::{ImagePlan, plan::Piece},
    input::{InputError, renderer::Renderer},
};

/// What stands for images, or for videos.
pub(super) struct Placeholder {
    pub(super) renderer: Renderer,
    /// The token; empty of a model that sees nothing.
    pub(super) token: String,
    pub(super) id: Option<u32>,
}

/// What takes an image's place in a prompt.
pub(super) struct Expansion {
    pub(super) text: String,
    /// The parts of it that are no placeholders, in bytes.
    pub(super) scaffold: Vec<Range<usize>>,
}

impl PromptBuilder {
    /// What stands for what these plans are of.
    pub(super) fn placeholder(
        &self,
        name: &str,
        plans: &[&ImagePlan],
        vicuna: bool,
    ) -> Result<&Placeholder, InputError> {
        match plans.iter().filter(|plan| plan.video).count() {
            0 if vicuna => {
                let none = || InputError::NoConversation { name: name.into() };
                self.vicuna.as_ref().ok_or_else(none)
            }
            0 => Ok(&self.image),
            _ if vicuna => Err(InputError::NoVideo {
                name: name.into(),
                reason: "vicuna_v1 has a form for images alone: name its frames as images".into(),
            }),
            videos if videos == plans.len() => match &self.video {
                Some(video) => video.as_ref().map_err(|error| InputError::NoVideo {
                    name: name.into(),
                    reason: format!("none can be shown to this model: {error}"),
                }),
                None => Err(InputError::NoVideo {
                    name: name.into(),
                    reason: "its configuration names no placeholder for one".into(),
                }),
            },
            videos => Err(InputError::Image {
                name: name.into(),
                expected: "images alone, or videos alone".into(),
                found: format!("{videos} of {} that are videos", plans.len()),
            }),
        }
    }
}

/// What stands for an image, of placeholders called `token`.
pub(super) fn expansion(token: &str, plan: &ImagePlan) -> Expansion {
    let mut expansion = Expansion {
        text: String::new(),
        scaffold: Vec::new(),
    };
    for piece in &plan.pieces {
        let start = expansion.text.len();
        match piece {
            Piece::Placeholders(count) => expansion.text += &token.repeat(*count),
            Piece::Text(text) => expansion.text += text,
            Piece::Scaffold(text) => {
                expansion.text += text;
                expansion.scaffold.push(start..expansion.text.len());
            }
        }
    }
    expansion
}
