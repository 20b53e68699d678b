//! Why a metric has no value.

use super::Modality;
use crate::{gpu::GpuError, words::counted};

/// What helps against [`AlignmentError::OverBudget`], in words that a front end may replace with its own, where
/// it lets a user set the budget.
pub const FEWER_PAIRS: &str = "use fewer pairs";

/// Why a metric has no value: one sentence each.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AlignmentError {
    /// A covariance needs two tokens.
    #[error(
        "the pairs give {} in all, a covariance needs at least 2; use more pairs or longer texts",
        counted(*count, &format!("{modality} token"))
    )]
    TooFewTokens {
        /// The modality.
        modality: Modality,
        /// Tokens over all pairs.
        count: usize,
    },
    /// Counts of more tokens would not be exact.
    #[error(
        "the pairs give {count} {modality} tokens in all, at most {most} can be counted; use fewer pairs"
    )]
    TooManyTokens {
        /// The modality.
        modality: Modality,
        /// Tokens over all pairs.
        count: usize,
        /// The most that there may be.
        most: usize,
    },
    /// The medians of a layer lie where the first pairs had nothing.
    #[error(
        "the first {} pairs are so unlike the others that the medians of the {modality} tokens of layer {layer} cannot be told from counts; use another seed or a larger memory budget",
        super::streamed::FIRST_PAIRS
    )]
    FirstPairs {
        /// Decoder layer, counted from 1.
        layer: usize,
        /// The modality.
        modality: Modality,
    },
    /// The metric would not fit in the memory allowed.
    #[error(
        "the metric needs {needed} of device memory, the memory budget leaves {budget}; {FEWER_PAIRS}"
    )]
    OverBudget {
        /// The least that it can do with.
        needed: String,
        /// What is allowed.
        budget: String,
    },
    /// The states of a pair are not what was announced.
    #[error("states of a pair: expected {expected}, found {found}")]
    States {
        /// What was announced.
        expected: String,
        /// What came.
        found: String,
    },
    /// The number of tokens differs from what was announced.
    #[error(
        "the pairs gave {}, {expected} were announced",
        counted(*found, &format!("{modality} token"))
    )]
    TokenCount {
        /// The modality.
        modality: Modality,
        /// Tokens announced.
        expected: usize,
        /// Tokens pushed, or that would be with the pair at hand.
        found: usize,
    },
    /// NaN or an infinity in the states.
    #[error(
        "the hidden states of layer {layer} hold NaN or infinity in {tokens} {modality} tokens"
    )]
    NotFinite {
        /// Decoder layer, counted from 1.
        layer: usize,
        /// The modality.
        modality: Modality,
        /// Tokens concerned, over all pairs.
        tokens: usize,
    },
    /// All states of a modality are 0, so that nothing can be scaled by their norm.
    #[error("the hidden states of all {modality} tokens of layer {layer} are zero")]
    ZeroNorms {
        /// Decoder layer, counted from 1.
        layer: usize,
        /// The modality.
        modality: Modality,
    },
    /// The model cannot give what a metric needs of it.
    #[error("{0}")]
    Model(String),
    /// The device failed, or the run was cancelled ([`GpuError::Cancelled`]).
    #[error(transparent)]
    Gpu(#[from] GpuError),
}
