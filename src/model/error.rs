//! What can go wrong while a model is loaded or run.

use super::Hook;
use crate::{gpu::GpuError, weights::WeightsError, words::counted};

/// An error of the model layer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The device.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The checkpoint.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Image tokens and image features do not match.
    #[error(
        "the prompt has {}, tower and connector give {}; use the checkpoint's own processor files",
        counted(*found, "image token"),
        counted(*expected, "image feature")
    )]
    ImageTokens {
        /// Features of all pictures.
        expected: usize,
        /// Image tokens in the prompt.
        found: usize,
    },
    /// The pixel values do not have the tower's size.
    #[error(
        "pixel_values has {pictures} pictures, one of shape {found:?}; the vision tower takes at least one, each {expected}"
    )]
    PixelValues {
        /// Channels and sizes that it takes.
        expected: String,
        /// `[channels, height, width]` of one that is not so.
        found: [usize; 3],
        /// Number of pictures.
        pictures: usize,
    },
    /// A token id outside the vocabulary.
    #[error("input_ids holds {id}, the vocabulary has {vocab_size} entries")]
    TokenId {
        /// The id.
        id: u32,
        /// Size of the vocabulary.
        vocab_size: usize,
    },
    /// A look at a state that the forward pass did not keep.
    #[error("the forward pass kept no {hook:?}; ask for it before")]
    NotCaptured {
        /// The state.
        hook: Hook,
    },
    /// Words are asked for of a checkpoint without a head.
    #[error(
        "the checkpoint has no tensor `lm_head.weight`, without which no words can be read off its hidden states; if its head is the embedding, set `tie_word_embeddings` to true in config.json"
    )]
    NoHead,
    /// A look at a token that is not there.
    #[error("there is no position {position}: the prompt has length {tokens}")]
    Position {
        /// Asked for.
        position: usize,
        /// Tokens in the prompt.
        tokens: usize,
    },
    /// A decoder layer that the cache does not have.
    #[error("there is no decoder layer {layer}: the cache has {layers}")]
    Layer {
        /// Asked for, from 1 on.
        layer: usize,
        /// Those that it has.
        layers: usize,
    },
    /// A prompt that cannot be read into a cache, or not from there on.
    #[error(
        "of {tokens} tokens the first {past} are taken as read into a cache with room for {rows}: no token is left to read, an image is among those that are left, or the room is too small"
    )]
    Cache {
        /// Tokens taken as read.
        past: usize,
        /// Tokens in all.
        tokens: usize,
        /// Tokens that the cache has room for.
        rows: usize,
    },
    /// More tensors are asked for than were announced: a fault of the loader's own.
    #[error("no tensor is left to load, but the model lacks one; please report this")]
    NoTensorLeft,
    /// Loading was cancelled.
    #[error("cancelled")]
    Cancelled,
}
