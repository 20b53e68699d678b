//! Where one token looks.

use serde::{Deserialize, Serialize};

/// The attention of one token over those before it, at one decoder layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttentionRow {
    /// The pair.
    pub pair: usize,
    /// The token that looks, a position in the pair's prompt.
    pub position: usize,
    /// The decoder layer, 1 to L.
    pub layer: usize,
    /// `[heads][position + 1]`: softmax weights over the tokens up to and including the one that
    /// looks; each head's sum to 1.
    pub heads: Vec<Vec<f32>>,
}

impl AttentionRow {
    /// The mean over the heads, `[position + 1]`.
    pub fn mean(&self) -> Vec<f32> {
        let mut mean = vec![0.0; self.position + 1];
        for head in &self.heads {
            for (sum, weight) in mean.iter_mut().zip(head) {
                *sum += weight / self.heads.len() as f32;
            }
        }
        mean
    }
}
