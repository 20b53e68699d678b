//! Files of hidden states: written by a measurement or by `tools/export_states.py`, and measured in a model's place.
//!
//! A file in safetensors format. All tokens of all pairs stand one after another, the pairs in the order of the run;
//! `L` is the number of decoder layers, `d` the width:
//!
//! | tensor | shape, type | what |
//! |---|---|---|
//! | `hidden_states.K` | `[tokens, d]` f32, f16 or bf16 | K = 0: embeddings with the image features; 1 to L - 1: after layer K; L: after the final norm |
//! | `hidden_states.L.before_norm` | the same | after layer L, before the final norm |
//! | `pair` | `[tokens]` i64 | number of the pair, ascending |
//! | `is_vision`, `is_text` | `[tokens]` u8 | vision tokens, and text tokens by the mask `official` |
//! | `is_content` | `[tokens]` u8 | text tokens by the mask `content` |
//! | `input_ids` | `[tokens]` i64 | token ids |
//! | `kept.METRIC` | `[values]` f32 | of statistics: what a metric that needs the model kept of each pair (`kept.rs`) |
//!
//! A file of statistics is one of states, too. It has the pairs of one shard, numbered as in a run without shards; the
//! text `piece` says of which measurement (see `piece.rs`), and the tensor `checksums` (`[pairs]` i64) has a sum of each
//! pair's rows and of what was kept of it, by which an interrupted run knows what is whole, and a merge that nothing has
//! changed since. Where the states would take too much it has sums instead (see `sums`).
//!
//! What is needed to measure: `pair`, `is_vision`, the mask asked for, and the states that the definition compares.
//! The header's `__metadata__` has texts: `states_format` (`1`), and as JSON `model`, `data`, `states` (what a
//! report calls each), `text_masks` and `tokens_by_pair`; of statistics also `piece`, `kept` and `words`. All but the
//! format may be absent.

mod about;
#[cfg(fuzzing)]
mod fuzzed;
mod intact;
mod kept;
mod measure;
mod merge;
mod piece;
mod planned;
mod read;
mod rows;
mod shard;
mod source;
mod sums;
mod there;
mod write;

#[cfg(fuzzing)]
pub use fuzzed::tried;
use read::StatesFile;
pub(super) use write::StatesWriter;

use super::EngineError;
use crate::{alignment::StateId, platform::FileError, report::TextMask};

/// Value of `states_format`.
const FORMAT: &str = "1";
/// Prefix of the states' names.
pub(super) const STATE: &str = "hidden_states.";
/// What follows the number of the last layer where it is meant before the final norm.
pub(super) const BEFORE_NORM: &str = ".before_norm";
/// Number of the pair that a token belongs to.
const PAIR: &str = "pair";
/// Mask of the vision tokens.
const VISION: &str = "is_vision";
/// Token ids.
const IDS: &str = "input_ids";
/// A sum of each pair's rows.
const SUMS: &str = "checksums";

/// All states of a decoder with `layers` layers.
pub(super) fn every_state(layers: usize) -> impl Iterator<Item = StateId> {
    std::iter::once(StateId::Embeddings)
        .chain((1..=layers).map(StateId::Layer))
        .chain(std::iter::once(StateId::FinalNorm))
}

/// What a state's tensor is called. As in transformers, `hidden_states[L]` is the one after the final norm.
pub(super) fn tensor_name(id: StateId, layers: usize) -> String {
    match id {
        StateId::Embeddings => format!("{STATE}0"),
        StateId::Layer(k) if k == layers => format!("{STATE}{k}{BEFORE_NORM}"),
        StateId::Layer(k) => format!("{STATE}{k}"),
        StateId::FinalNorm => format!("{STATE}{layers}"),
    }
}

/// The tensors that have a row for each token, in the order in which a pair's are written and enter its sum.
fn order(layers: usize) -> Vec<String> {
    let states = every_state(layers).map(|id| tensor_name(id, layers));
    let marks = [IDS, PAIR, VISION].map(str::to_owned);
    let masks = TextMask::ALL.map(|mask| mask_name(mask).to_owned());
    states.chain(marks).chain(masks).collect()
}

/// What the mask of the text tokens is called.
fn mask_name(mask: TextMask) -> &'static str {
    match mask {
        TextMask::Official => "is_text",
        TextMask::Content => "is_content",
    }
}

/// A file that cannot be used, and why.
fn refused(file: &str, reason: impl Into<String>) -> EngineError {
    EngineError::Unreadable {
        path: file.to_owned(),
        reason: reason.into(),
    }
}

impl From<FileError> for EngineError {
    fn from(error: FileError) -> Self {
        refused(&error.file, error.reason)
    }
}
