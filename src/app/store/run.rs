//! One run: its report, and what has been looked at so far.

use std::collections::HashMap;

use super::{TRAINED, ask::Brought};
use crate::engine::demo_connectors;
use crate::{
    report::{
        AttentionRow, Axes, Kept, LogitLens, PairView, PatchWords, Projection, Report, TokenPath,
        WhatIf, WhatIfSettings,
    },
    study::{RecordedModel, RecordedWhatIfs},
};

/// Where a run comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// What was measured, where it ships with mirscope.
    pub model: Option<RecordedModel>,
    /// What of the reader's own was measured, if it was measured here.
    pub brought: Option<Brought>,
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
    /// The likeliest words over the image, by pair and state.
    pub patch_words: HashMap<(usize, usize), PatchWords>,
    /// Tokens on their way, by pair and position.
    pub paths: HashMap<(usize, usize), TokenPath>,
    /// What-if answers.
    pub what_ifs: Vec<WhatIf>,
    /// What-if answers of a recording.
    pub recorded_what_ifs: Option<RecordedWhatIfs>,
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
            model: None,
            brought: None,
            training_samples: None,
            answered: None,
            kept: None,
            projections: HashMap::new(),
            pairs: HashMap::new(),
            lenses: HashMap::new(),
            attention: HashMap::new(),
            patch_words: HashMap::new(),
            paths: HashMap::new(),
            what_ifs: Vec::new(),
            recorded_what_ifs: None,
            refusals: Vec::new(),
        }
    }

    /// The step of the demo's one training that was measured, if it was one: by what is known of the run,
    /// or by its report.
    pub fn step(&self) -> Option<&str> {
        match &self.model {
            Some(RecordedModel::Demo(step)) => Some(step),
            Some(RecordedModel::Study(_)) => None,
            None => step_of(&self.report),
        }
    }

    /// Image-text pairs that the connector had seen, where that is known.
    pub fn samples(&self) -> Option<u64> {
        self.training_samples.or_else(|| {
            let step = self.step()?;
            let connectors = demo_connectors().into_iter();
            let mut known = connectors.filter(|connector| connector.name == step);
            Some(known.next()?.samples)
        })
    }

    /// The answer to a what-if question, if it is known.
    pub fn what_if(&self, settings: &WhatIfSettings) -> Option<&WhatIf> {
        self.what_ifs
            .iter()
            .find(|answer| answer.settings == *settings)
    }
}

/// The demo's connector that a report was measured with; none if it is not of the demo.
fn step_of(report: &Report) -> Option<&str> {
    let rest = report.model.name.strip_prefix("mirscope demo")?;
    match rest.strip_prefix(", connector ") {
        Some(name) => Some(name),
        None => rest.is_empty().then_some(TRAINED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connectors_are_read_from_the_models_name() {
        let report = include_str!("../../../assets/demo/report.json");
        let mut report = crate::report::parse(report, "report.json").unwrap();
        assert_eq!(step_of(&report), Some(TRAINED));
        report.model.name = "mirscope demo, connector halfway".to_owned();
        assert_eq!(step_of(&report), Some("halfway"));
        for name in ["mirscope demonstration", "llava"] {
            report.model.name = name.to_owned();
            assert_eq!(step_of(&report), None);
        }
        let run = Run::new(1, "halfway".to_owned(), Origin::Opened, report);
        assert_eq!((run.step(), run.samples()), (None, None));
    }
}
