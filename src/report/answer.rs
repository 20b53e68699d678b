//! What a model answers: plain data.

use serde::{Deserialize, Serialize};

use super::{AttentionRow, LogitLens};

/// A token of an answer, told as it comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// Its id.
    pub id: u32,
    /// The logarithm of its probability, without temperature and limits.
    pub log_probability: f32,
    /// What the answer gains by it; empty for a part of a character, which comes with the rest of it.
    pub text: String,
    /// What was watched while it was written.
    #[serde(default)]
    pub watched: Option<Box<Watched>>,
}

/// What an answer's token was written from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// Where the token before it looked, which is the one that it is written from.
    pub attention: AttentionRow,
    /// What the image token that was looked at most says, unless that was told before.
    pub lens: Option<LogitLens>,
}

/// Why an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerEnd {
    /// The model ended it.
    Stop,
    /// It has as many tokens as it may have.
    MaxTokens,
    /// The context is full.
    Context,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What was said.
    pub text: String,
    /// Its tokens, without the one that ended it.
    pub tokens: Vec<u32>,
    /// Why it ends.
    pub end: AnswerEnd,
    /// Tokens of the prompt, placeholders included.
    pub prompt_tokens: usize,
    /// Those of them that an earlier turn had left in the cache.
    pub cached_tokens: usize,
    /// Seconds from the question to the first token: the images, the prompt, the first choice.
    pub seconds_to_first_token: f64,
    /// Tokens per second from there on; absent for an answer of one token.
    pub tokens_per_second: Option<f64>,
    /// Bytes of the cache of keys and values.
    pub cache_bytes: u64,
    /// The adapter's name.
    pub adapter: String,
    /// What a reader should know.
    pub notes: Vec<String>,
}
