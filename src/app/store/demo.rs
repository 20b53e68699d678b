//! Measuring the demo.

use super::Store;
use crate::engine::{DeviceSettings, MeasureRequest, MeasureSettings, ModelSource, PairSource};

impl Store {
    /// Orders a measurement of the demo, with its connector as of a step of the training (the trained
    /// one if absent), on `num_pairs` pairs (all if absent). The states are kept for exploring.
    pub fn run_demo(&mut self, connector: Option<String>, num_pairs: Option<usize>) {
        let name = match &connector {
            None => "Demo, measured here".to_owned(),
            Some(connector) => format!("Demo, {connector}, measured here"),
        };
        let request = MeasureRequest {
            model: ModelSource::Demo { connector },
            pairs: PairSource::Demo,
            device: DeviceSettings::default(),
            settings: MeasureSettings {
                num_pairs,
                ..MeasureSettings::default()
            },
            keep: true,
        };
        self.measure(name, request);
    }
}
