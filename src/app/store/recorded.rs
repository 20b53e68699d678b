//! The runs that are there before anything was measured.

use super::{Origin, Store};
use crate::{
    report::AttentionRow,
    study::{Contrast, RecordedModel, Recording},
};

/// What was recorded of the demo, see `mirscope record-demo`.
const RECORDING: &[u8] = include_bytes!("../../../assets/demo/recorded.cbor");

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
        let mut recording = match Recording::from_bytes(RECORDING) {
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
