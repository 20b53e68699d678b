//! The runs that are there before anything was measured.

use std::collections::HashMap;

use super::{Origin, Store};
use crate::{
    platform::recording,
    report::{AttentionRow, LogitLens, PairView, PatchWords, TokenKind, TokenPath},
    study::{Contrast, RecordedModel, Recording},
};

/// The demo's own connector, at the end of its training.
pub const TRAINED: &str = "trained";
/// The run of captions that fit.
pub const FITTING: &str = "Captions that fit";
/// The run of shuffled captions.
pub const SHUFFLED: &str = "Shuffled captions";

impl Store {
    /// Adds the recorded runs and shows the first one, of captions that fit. Compared are at first the two
    /// trainings that are set against each other, without the steps of the demo's one training.
    pub(super) fn add_recorded(&mut self) {
        let mut recording = match Recording::from_bytes(recording()) {
            Ok(recording) => recording,
            Err(error) => return self.alarm(error.to_string()),
        };
        for recorded in std::mem::take(&mut recording.runs) {
            let name = name(&recording.contrast, &recorded.model);
            let pairs = recording.pairs_of(&recorded.model);
            let run = self.add(name, Origin::Recorded, recorded.report);
            run.model = Some(recorded.model);
            run.training_samples = Some(recorded.samples);
            run.answered = recorded.answered;
            run.projections = recorded
                .clouds
                .projections()
                .map(|projection| ((projection.state, projection.axes), projection))
                .collect();
            run.pairs = pairs.iter().map(|pair| (pair.pair, pair.clone())).collect();
            run.patch_words = patch_words(pairs, &recorded.lenses);
            run.lenses = recorded
                .lenses
                .into_iter()
                .map(|lens| ((lens.pair, lens.position), lens))
                .collect();
            run.attention = recorded
                .attention
                .iter()
                .map(AttentionRow::from)
                .map(|row| ((row.pair, row.position, row.layer), row))
                .collect();
            run.paths = (recorded.paths.iter().map(TokenPath::from))
                .map(|path| ((path.pair, path.position), path))
                .collect();
            run.recorded_what_ifs = recorded.what_ifs;
            if run.step().is_some() {
                let number = run.number;
                self.comparing.left_out.insert(number);
            }
        }
        self.add_opening(recording.opening);
        self.contrast = Some(recording.contrast);
        self.show(0);
    }
}

/// The likeliest words over the images of those pairs of which every image token's are recorded.
fn patch_words(pairs: &[PairView], lenses: &[LogitLens]) -> HashMap<(usize, usize), PatchWords> {
    let mut known = HashMap::new();
    for view in pairs {
        let pair = view.pair;
        let vision = |token: &&crate::report::TokenView| token.kind == TokenKind::Vision;
        let all = view.tokens.iter().filter(vision).count();
        let own: Vec<&LogitLens> = lenses.iter().filter(|lens| lens.pair == pair).collect();
        if own.len() < all {
            continue;
        }
        for state in 0..own.first().map_or(0, |lens| lens.states.len()) {
            let word = |lens: &&LogitLens| {
                let token = lens.states.get(state)?.tokens.first()?;
                Some((lens.position, token.clone()))
            };
            let words = own.iter().filter_map(word).collect();
            known.insert((pair, state), PatchWords { pair, state, words });
        }
    }
    known
}

/// What the run of a model is called.
pub(super) fn name(contrast: &Contrast, model: &RecordedModel) -> String {
    match model {
        RecordedModel::Demo(step) if step == TRAINED => "Demo".to_owned(),
        RecordedModel::Demo(step) => format!("Demo, {step}"),
        RecordedModel::Study(folder) if *folder == contrast.fitting.folder => FITTING.to_owned(),
        RecordedModel::Study(folder) if *folder == contrast.shuffled.folder => SHUFFLED.to_owned(),
        RecordedModel::Study(folder) => format!("Study, {folder}"),
    }
}
