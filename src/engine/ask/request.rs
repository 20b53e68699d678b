//! What is asked, and how the answer is chosen.

use serde::{Deserialize, Serialize};

use super::super::{DeviceSettings, EngineError, ImageInput, ModelSource};
use crate::kernels::sample_token::Sampling;

/// A question to a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AskRequest {
    /// The checkpoint; it stays on the device for the questions that follow.
    pub model: ModelSource,
    /// Which device computes.
    #[serde(default)]
    pub device: DeviceSettings,
    /// What is shown with the first question.
    #[serde(default)]
    pub images: Vec<ImageInput>,
    /// Earlier questions with their answers.
    #[serde(default)]
    pub earlier: Vec<Exchange>,
    /// The question.
    pub question: String,
    /// Whether the question is a text to go on with, without the chat template.
    #[serde(default)]
    pub raw: bool,
    /// Most tokens of the answer.
    pub max_tokens: usize,
    /// How tokens are chosen.
    #[serde(default)]
    pub sampling: SamplingSettings,
    /// Tells of each token where it looks at this decoder layer (1 to L), and what is seen there.
    #[serde(default)]
    pub watch: Option<usize>,
}

/// A question about a conversation. Its answers call it pair 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TalkQuestion {
    /// All of it as the model sees it, answered with [`Event::Pair`](crate::engine::Event::Pair).
    Tokens,
    /// The words nearest to a token, state by state, answered with
    /// [`Event::LogitLens`](crate::engine::Event::LogitLens).
    LogitLens {
        /// The position in the conversation.
        position: usize,
    },
    /// Where a token looks, answered with [`Event::Attention`](crate::engine::Event::Attention).
    Attention {
        /// The position in the conversation.
        position: usize,
        /// The decoder layer, 1 to L.
        layer: usize,
    },
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
}

/// How tokens are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamplingSettings {
    /// 0: always the likeliest token.
    pub temperature: f32,
    /// Only so many of the likeliest tokens; all if absent.
    pub top_k: Option<usize>,
    /// Only the fewest tokens that hold this part of the probability.
    pub top_p: f32,
    /// Seed of what is drawn.
    pub seed: u64,
}

impl Default for SamplingSettings {
    fn default() -> Self {
        Self {
            temperature: 0.0,
            top_k: None,
            top_p: 1.0,
            seed: 0,
        }
    }
}

impl SamplingSettings {
    /// For the token that these random bits are drawn for.
    pub(super) fn drawn(&self, bits: u64) -> Sampling {
        Sampling {
            temperature: self.temperature,
            top_k: self.top_k.unwrap_or(0),
            top_p: self.top_p,
            draw: Sampling::draw(bits),
        }
    }

    /// Whether tokens can be chosen like this.
    ///
    /// # Errors
    /// [`EngineError::Sampling`].
    pub(super) fn check(&self) -> Result<(), EngineError> {
        let failed = |setting, expected, found: f32| {
            Err(EngineError::Sampling {
                setting,
                expected,
                found: found.to_string(),
            })
        };
        // Below, the smallest logits would overflow.
        let temperature = self.temperature;
        if temperature != 0.0 && !(0.01..=100.0).contains(&temperature) {
            return failed("temperature", "0, or 0.01 to 100", temperature);
        }
        if !(self.top_p > 0.0 && self.top_p <= 1.0) {
            return failed("top_p", "more than 0 and at most 1", self.top_p);
        }
        if self.top_k == Some(0) {
            return failed("top_k", "at least 1", 0.0);
        }
        Ok(())
    }
}
