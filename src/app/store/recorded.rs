//! The runs that are there before anything was measured.

use super::{Origin, Store};
use crate::report::{AttentionRow, Recording};

/// What was recorded of the demo, see `mirscope record-demo`.
const RECORDING: &[u8] = include_bytes!("../../../assets/demo/recorded.cbor");

impl Store {
    /// Adds the recorded runs of the demo and shows the last one, the trained connector's.
    pub(super) fn add_recorded(&mut self) {
        let recording = match Recording::from_bytes(RECORDING) {
            Ok(recording) => recording,
            Err(error) => return self.alarm(error.to_string()),
        };
        let last = recording.runs.len().saturating_sub(1);
        for (index, recorded) in recording.runs.into_iter().enumerate() {
            let name = if index == last {
                "Demo".to_owned()
            } else {
                format!("Demo, {}", recorded.connector)
            };
            let run = self.add(name, Origin::Recorded, recorded.report);
            run.training_samples = Some(recorded.samples);
            run.answered = recorded.answered;
            run.projections = recorded
                .clouds
                .projections()
                .map(|projection| ((projection.state, projection.axes), projection))
                .collect();
            run.pairs = recording
                .pairs
                .iter()
                .map(|pair| (pair.pair, pair.clone()))
                .collect();
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
        }
    }
}
