//! The words that a token's states are nearest to.

use serde::{Deserialize, Serialize};

/// The logit lens at one position: `softmax(W_U norm(h))` of its state after every layer.
///
/// Source: nostalgebraist, "interpreting GPT: the logit lens" (2020); on visual tokens:
/// arXiv 2410.07149.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogitLens {
    /// The pair.
    pub pair: usize,
    /// The position in its prompt.
    pub position: usize,
    /// State 0 (`inputs_embeds`) to L, each through the final norm and the head.
    pub states: Vec<LensState>,
}

/// One state's words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensState {
    /// The state.
    pub state: usize,
    /// The likeliest tokens, likeliest first.
    pub tokens: Vec<LensToken>,
}

/// A token of the vocabulary with its probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LensToken {
    /// Token id.
    pub id: u32,
    /// The token as text, spaces included.
    pub text: String,
    /// Softmax probability over the whole vocabulary, 0 to 1.
    pub probability: f32,
}
