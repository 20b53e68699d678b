//! Questions about what the last measurement kept.

use serde::{Deserialize, Serialize};

use super::ask::TalkQuestion;
use crate::report::{Axes, PlaneAxes, WhatIfSettings};

/// A question about what the last measurement kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Explore {
    /// One pair as the model sees it, answered with [`Event::Pair`](super::Event::Pair).
    Pair(usize),
    /// The tokens of all pairs at one state, answered with [`Event::Projection`](super::Event::Projection).
    Projection {
        /// 0 is `inputs_embeds`, k is after layer k.
        state: usize,
        /// Which axes.
        axes: Axes,
    },
    /// The axes that [`Axes::Own`] stands for at a state, answered with [`Event::Plane`](super::Event::Plane).
    Plane(usize),
    /// The tokens of all pairs at a state on axes that another run gave, answered with
    /// [`Event::Projection`](super::Event::Projection).
    OnPlane(usize, Box<PlaneAxes>),
    /// The words nearest to a token, state by state, answered with [`Event::LogitLens`](super::Event::LogitLens).
    LogitLens {
        /// The pair.
        pair: usize,
        /// The position in its prompt.
        position: usize,
    },
    /// The likeliest word of each image token at one state, answered with [`Event::PatchWords`](super::Event::PatchWords).
    PatchWords {
        /// The pair.
        pair: usize,
        /// 0 is `inputs_embeds`, k is after layer k.
        state: usize,
    },
    /// What becomes of a token on its way, answered with [`Event::Path`](super::Event::Path).
    Path {
        /// The pair.
        pair: usize,
        /// The position in its prompt.
        position: usize,
    },
    /// Where a token looks, answered with [`Event::Attention`](super::Event::Attention).
    Attention {
        /// The pair.
        pair: usize,
        /// The position in its prompt.
        position: usize,
        /// The decoder layer, 1 to L.
        layer: usize,
    },
    /// The alignment under other assumptions, answered with [`Event::WhatIf`](super::Event::WhatIf).
    WhatIf(WhatIfSettings),
    /// The conversation that [`Command::Ask`](super::Command::Ask) left.
    Talk(TalkQuestion),
}
