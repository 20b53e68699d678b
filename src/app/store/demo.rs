//! Measuring the demo.

use super::{Store, TRAINED, recorded};
use crate::{
    engine::{
        DeviceSettings, MeasureRequest, MeasureSettings, MetricChoice, ModelSource, PairSource,
    },
    platform,
    study::{Contrast, RecordedModel},
};

impl Store {
    /// Orders a measurement of the demo, with its connector as of a step of the training (the trained
    /// one if absent), on `num_pairs` pairs (all if absent). The states are kept for exploring.
    pub fn run_demo(&mut self, connector: Option<String>, num_pairs: Option<usize>) {
        let step = connector.as_deref().unwrap_or(TRAINED);
        let measured = RecordedModel::Demo(step.to_owned());
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
                metrics: MetricChoice::All,
                intervals: true,
                ..MeasureSettings::default()
            },
            keep: true,
        };
        self.order(name, request, Some(measured));
    }

    /// What [`Store::run_shown`] would measure, in a few words; nothing where it measures the demo in
    /// place of a run that it cannot measure again.
    pub fn runs_again(&self) -> Option<&'static str> {
        match self.run()?.model {
            Some(RecordedModel::Demo(_)) => Some("the demo"),
            Some(RecordedModel::Study(_)) if platform::has_study() => Some("this checkpoint"),
            _ => None,
        }
    }

    /// Orders a measurement of what is shown, where it ships with mirscope, as it was recorded; else of the
    /// demo.
    pub fn run_shown(&mut self) {
        let shown = self.run().and_then(|run| run.model.clone());
        let contrast = self.contrast.clone();
        match (shown, contrast) {
            (Some(RecordedModel::Study(folder)), Some(contrast)) if platform::has_study() => {
                self.run_side(&contrast, folder);
            }
            (Some(RecordedModel::Demo(step)), _) if step != TRAINED => {
                self.run_demo(Some(step), None);
            }
            _ => self.run_demo(None, None),
        }
    }

    fn run_side(&mut self, contrast: &Contrast, folder: String) {
        let settings = contrast.settings;
        let request = MeasureRequest {
            model: ModelSource::Study(folder.clone()),
            pairs: PairSource::Study(contrast.pairs.clone()),
            device: DeviceSettings::default(),
            settings: MeasureSettings {
                num_pairs: Some(settings.num_pairs),
                seed: settings.seed,
                text_mask: settings.text_mask,
                metrics: MetricChoice::All,
                intervals: true,
                ..MeasureSettings::default()
            },
            keep: true,
        };
        let measured = RecordedModel::Study(folder);
        let name = format!("{}, measured here", recorded::name(contrast, &measured));
        self.order(name, request, Some(measured));
    }
}
