//! What can be wrong with an image, a text, or the files that say how to prepare them.

use thiserror::Error;

use crate::weights::{SourceError, WeightsError};

/// An input that cannot be used, in one sentence that says where and why.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InputError {
    /// A configuration file of the processor is missing or wrong.
    #[error(transparent)]
    Config(#[from] WeightsError),

    /// An image that cannot be decoded or is too large.
    #[error("{name}: expected {expected}, found {found}")]
    Image {
        /// The image.
        name: String,
        /// What can be used.
        expected: String,
        /// What it is.
        found: String,
    },

    /// The processor makes another size of an image than the tower takes.
    #[error("{file}: image {name} becomes {found} pixels, but the vision tower takes {expected}")]
    ImageSize {
        /// The processor's file.
        file: String,
        /// The image.
        name: String,
        /// Width and height that the tower takes.
        expected: String,
        /// Width and height after processing.
        found: String,
    },

    /// `tokenizer.json` does not load or fails on a text.
    #[error("{file}: expected a tokenizer that works, found an error ({reason})")]
    Tokenizer {
        /// The file.
        file: String,
        /// The library's words.
        reason: String,
    },

    /// The chat template does not compile or render, or loses image or text.
    #[error("{file}: the chat template should render one image and the text, but {reason}")]
    Template {
        /// The file.
        file: String,
        /// What happened.
        reason: String,
    },

    /// A video, where none can be shown to the model.
    #[error("{name}: expected an image, found a video; {reason}")]
    NoVideo {
        /// The video.
        name: String,
        /// Why.
        reason: String,
    },

    /// A document, where a prompt has room for one image.
    #[error(
        "a document of {images} images: expected one image, for this model's prompt has no form for more; give each image with its own text"
    )]
    OneImage {
        /// Images in the document.
        images: usize,
    },

    /// A conversation, for a model that takes none.
    #[error(
        "{name}: vicuna_v1 is a conversation, but this model's prompts have a form of their own; use the checkpoint's form"
    )]
    NoConversation {
        /// The text's name.
        name: String,
    },

    /// A text without a single word.
    #[error("{name}: expected a text, found nothing but white space")]
    EmptyText {
        /// The text's name.
        name: String,
    },

    /// The context cannot even hold the image.
    #[error(
        "{name}: the image and the prompt around it take {needed} tokens and the text at least one, \
         but text_config.max_position_embeddings = {context}"
    )]
    ContextTooShort {
        /// The text's name.
        name: String,
        /// Longest prompt, in tokens.
        context: usize,
        /// Tokens without the text.
        needed: usize,
    },

    /// A question that leaves no room for an answer.
    #[error(
        "{name}: expected a prompt shorter than the context of {context} tokens, found {found}; ask \
         for less, or leave out earlier turns"
    )]
    TooLong {
        /// What is asked.
        name: String,
        /// Longest prompt with its answer, in tokens.
        context: usize,
        /// Tokens of the prompt.
        found: usize,
    },

    /// The tokenizer does not make the image tokens that the model expects.
    #[error(
        "{file}: expected {expected} tokens of id {id} for `{token}` in the prompt, found {found}"
    )]
    ImageTokens {
        /// The tokenizer's file.
        file: String,
        /// The placeholder.
        token: String,
        /// `image_token_index` of config.json.
        id: u32,
        /// Number by config.json.
        expected: usize,
        /// Number in the prompt.
        found: usize,
    },

    /// A token id beyond the embedding table.
    #[error(
        "{file}: expected token ids below text_config.vocab_size = {vocab_size}, found {found}"
    )]
    TokenId {
        /// The tokenizer's file.
        file: String,
        /// Rows of the embedding table.
        vocab_size: usize,
        /// The id.
        found: u32,
    },
}

impl From<SourceError> for InputError {
    fn from(error: SourceError) -> Self {
        Self::Config(error.into())
    }
}

/// The beginning of a text that somebody else wrote, up to `most` characters, control characters
/// written as escapes.
pub(super) fn shown(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut letters = text.chars();
    for letter in letters.by_ref().take(most) {
        match letter.is_control() || matches!(letter, '\u{e000}'..='\u{f8ff}') {
            true => shown.extend(letter.escape_default()),
            false => shown.push(letter),
        }
    }
    if letters.next().is_some() {
        shown += "...";
    }
    shown
}
