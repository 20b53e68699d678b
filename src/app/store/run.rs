//! One run: its report, and what has been looked at so far.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::report::{
    AttentionRow, Axes, Kept, LogitLens, PairView, Projection, Report, WhatIf, WhatIfSettings,
};

/// Where a run comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Measured before and shipped with mirscope.
    Recorded,
    /// Measured on this device.
    Measured,
    /// A report that was opened.
    Opened,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Names the run as long as the app is open.
    pub number: u64,
    /// What it is called.
    pub name: String,
    /// Where it comes from.
    pub origin: Origin,
    /// Its report.
    pub report: Report,
    /// Training samples that the connector had seen; recorded runs only.
    pub training_samples: Option<u64>,
    /// Share of held-out questions that the model answers rightly, 0 to 1; recorded runs only.
    pub answered: Option<f64>,
    /// What the engine keeps of it, if it was measured here.
    pub kept: Option<Kept>,
    /// Projections by state and axes.
    pub projections: HashMap<(usize, Axes), Projection>,
    /// Pairs by index.
    pub pairs: HashMap<usize, PairView>,
    /// Logit lenses by pair and position.
    pub lenses: HashMap<(usize, usize), LogitLens>,
    /// Attention by pair, position and layer.
    pub attention: HashMap<(usize, usize, usize), AttentionRow>,
    /// What-if answers.
    pub what_ifs: Vec<WhatIf>,
    /// Questions that the engine refused, with its reasons.
    pub refusals: Vec<(crate::engine::Explore, String)>,
}

impl Run {
    pub(super) fn new(number: u64, name: String, origin: Origin, report: Report) -> Self {
        Self {
            number,
            name,
            origin,
            report,
            training_samples: None,
            answered: None,
            kept: None,
            projections: HashMap::new(),
            pairs: HashMap::new(),
            lenses: HashMap::new(),
            attention: HashMap::new(),
            what_ifs: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// The answer to a what-if question, if it is known.
    pub fn what_if(&self, settings: &WhatIfSettings) -> Option<&WhatIf> {
        self.what_ifs
            .iter()
            .find(|answer| answer.settings == *settings)
    }
}
