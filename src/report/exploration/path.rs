//! One token on its way through the model.

use serde::{Deserialize, Serialize};

/// What becomes of one token: the first numbers of its vector at every place it passes, and where it lies among
/// all tokens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenPath {
    /// The pair.
    pub pair: usize,
    /// The position in its prompt.
    pub position: usize,
    /// What the tower makes of its patch, before the connector; absent where no single patch becomes this token.
    pub tower: Option<Strip>,
    /// The token at each state, 0 (`inputs_embeds`, for an image token what the connector gives) to L, the last
    /// one before the final norm.
    pub states: Vec<Strip>,
    /// Its coordinates at each measured state on the axes that all states share, see [`super::Axes::Shared`]; empty
    /// where the states of all pairs are not kept, or the token is not measured.
    pub at: Vec<[f32; 2]>,
}

/// The beginning of a vector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Strip {
    /// How many numbers the vector has.
    pub width: usize,
    /// Its first numbers, at most [`Strip::MOST`].
    pub values: Vec<f32>,
}

impl Strip {
    /// Most numbers that are shown.
    pub const MOST: usize = 64;

    /// The beginning of `vector`.
    pub fn of(vector: &[f32]) -> Self {
        Self {
            width: vector.len(),
            values: vector[..vector.len().min(Self::MOST)].to_vec(),
        }
    }
}
