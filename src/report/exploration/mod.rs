//! What a session lets its reader see of the states it keeps: plain data, small enough to leave the
//! device.
//!
//! A *state* is counted as in transformers' `hidden_states`: 0 is `inputs_embeds`, `k` is the output
//! of decoder layer `k`. A *position* is an index into the tokens of one pair's prompt.

mod attention;
mod ellipse;
mod logit_lens;
mod pair;
mod patch_words;
mod path;
mod projection;
mod what_if;

pub use attention::AttentionRow;
pub use ellipse::Ellipse;
pub use logit_lens::{LensState, LensToken, LogitLens};
pub use pair::{PairView, Picture, PictureView, StageView, TokenKind, TokenView};
pub use patch_words::PatchWords;
pub use path::{Strip, TokenPath};
pub use projection::{Axes, CloudShape, PlaneAxes, ProjectedToken, Projection};
pub use what_if::{Calibration, WhatIf, WhatIfSettings};

use serde::{Deserialize, Serialize};

/// What is kept on the device after a measurement, for looking at it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Pairs that can be looked at, one by one.
    pub pairs: usize,
    /// The last state; states 0 to `last_state` can be looked at.
    pub last_state: usize,
    /// Device memory that the kept states take, in bytes; 0 where they are not kept.
    pub bytes: u64,
    /// Why the states of all pairs are not kept, in one sentence with numbers; absent where they are.
    /// Then projections and what-if questions cannot be answered, single pairs still can.
    pub refused: Option<String>,
}
