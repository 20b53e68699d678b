//! The likeliest word of every image token at one state.

use serde::{Deserialize, Serialize};

use super::LensToken;

/// The logit lens over an image: what [`super::LogitLens`] says first, of all image tokens of a pair at one
/// state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchWords {
    /// The pair.
    pub pair: usize,
    /// 0 is `inputs_embeds`, k is after layer k.
    pub state: usize,
    /// Position in the prompt and likeliest token of each image token, in the order of the prompt.
    pub words: Vec<(usize, LensToken)>,
}
