//! What becomes of the alignment.

use crate::{
    app::store::{Answer, Store},
    report::{Definition, LayerReport, Report, WhatIfSettings},
    study::RecordedAnswer,
};

/// What there is to show.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Outcome {
    /// Nothing was changed.
    Unchanged,
    /// The alignment under the changed assumptions.
    Changed(Changed),
    /// The engine has been asked, or will be.
    Waiting,
    /// It cannot be told, for this reason.
    Refused(String),
}

/// The alignment under the changed assumptions.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Changed {
    /// One distance a layer.
    pub(super) distances: Vec<f64>,
    /// Decadic logarithm of their sum.
    pub(super) mir: Option<f64>,
    /// Which the scale of the vision tokens does not change.
    pub(super) norm_matched_mir: Option<f64>,
    pub(super) num_pairs: usize,
    /// Vision and text tokens.
    pub(super) tokens: (usize, usize),
}

/// Why the vision tokens of a run cannot be scaled; none where they can.
pub(super) fn scaling_refused(report: &Report) -> Option<&'static str> {
    if report.definition == Definition::OfficialFast {
        return Some("Only the exact distance has a closed form in the scale, not official-fast.");
    }
    let all = report.layers.iter().all(|layer| layer.moments.is_some());
    (!all || report.layers.is_empty()).then_some(
        "The report does not hold the layers' statistics that this needs: measure it again.",
    )
}

/// What becomes of the run that is shown; the engine is asked only once the settings have `settled`.
pub(super) fn of(store: &mut Store, report: &Report, settled: bool) -> Outcome {
    let scale = store.view.vision_scale;
    let settings = store.view.what_if.clone();
    if settings == WhatIfSettings::default() {
        if scale == 1.0 || scaling_refused(report).is_some() {
            return Outcome::Unchanged;
        }
        let (matched, pairs) = (report.norm_matched_mir, report.data.num_pairs);
        return changed(&report.layers, scale, matched, pairs);
    }
    let recorded = store.run().and_then(|run| run.recorded_what_ifs.as_ref());
    if let Some(recorded) = recorded {
        return match recorded.answer(&settings) {
            Some(answer) => of_recorded(&answer, scale),
            None => Outcome::Refused(
                "The recording holds other numbers of pairs: choose one of those that are offered."
                    .to_owned(),
            ),
        };
    }
    let known = store.run().and_then(|run| run.what_if(&settings));
    if known.is_none() && !settled {
        return Outcome::Waiting;
    }
    match store.what_if(&settings) {
        Answer::Known(answer) => {
            let scale = if scaling_refused(report).is_some() {
                1.0
            } else {
                scale
            };
            let (matched, pairs) = (answer.norm_matched_mir, answer.num_pairs);
            changed(&answer.layers, scale, matched, pairs)
        }
        Answer::Waiting => Outcome::Waiting,
        Answer::NotLive => Outcome::Refused(
            "The states of this run are not on this device: run it here to ask this.".to_owned(),
        ),
        Answer::Refused(reason) => Outcome::Refused(reason.to_owned()),
    }
}

fn of_recorded(answer: &RecordedAnswer, scale: f64) -> Outcome {
    let distances = answer.layers.iter().map(|layer| layer.at(scale));
    Outcome::Changed(
        Changed {
            mir: None,
            distances: distances.collect(),
            norm_matched_mir: answer.norm_matched_mir,
            num_pairs: answer.num_pairs,
            tokens: answer.tokens,
        }
        .summed(),
    )
}

impl Changed {
    /// With the rate of its distances.
    fn summed(mut self) -> Self {
        let sum: f64 = self.distances.iter().sum();
        self.mir = (sum > 0.0 && sum.is_finite()).then(|| sum.log10());
        self
    }
}

fn changed(
    layers: &[LayerReport],
    scale: f64,
    norm_matched_mir: Option<f64>,
    num_pairs: usize,
) -> Outcome {
    let distance = |layer: &LayerReport| {
        if scale == 1.0 {
            return Some(layer.frechet);
        }
        let moments = layer.moments?;
        Some(moments.frechet_scaled(scale, layer.mean_norm_text))
    };
    let Some(distances) = layers.iter().map(distance).collect::<Option<Vec<f64>>>() else {
        return Outcome::Refused(
            "The layers' statistics for scaling the vision tokens are missing.".to_owned(),
        );
    };
    let tokens = layers.first().map(|layer| (layer.n_vision, layer.n_text));
    Outcome::Changed(
        Changed {
            distances,
            mir: None,
            norm_matched_mir,
            num_pairs,
            tokens: tokens.unwrap_or_default(),
        }
        .summed(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::store::Origin,
        report::{Moments, parse},
    };

    /// One layer with means 3 and 1 on one axis, variance 4 and 1 on another.
    fn store() -> Store {
        let report = include_str!("../../../../assets/demo/report.json");
        let mut report = parse(report, "report.json").unwrap();
        report.layers.truncate(1);
        report.layers[0].mean_norm_text = 1.0;
        report.layers[0].moments = Some(Moments {
            mean_vision: 9.0,
            mean_text: 1.0,
            mean_product: 3.0,
            trace_vision: 4.0,
            trace_text: 1.0,
            trace_root: 2.0,
        });
        report.layers[0].frechet = 5.0;
        let mut store = Store::new();
        store.add("one layer".to_owned(), Origin::Opened, report);
        store
    }

    fn ask(store: &mut Store) -> Outcome {
        let report = store.report().unwrap().clone();
        of(store, &report, true)
    }

    #[test]
    fn the_scale_needs_no_engine() {
        let mut store = store();
        assert_eq!(ask(&mut store), Outcome::Unchanged);
        store.view.vision_scale = 0.5;
        let Outcome::Changed(changed) = ask(&mut store) else {
            panic!("a recorded run can be scaled");
        };
        // Means 1.5 and 1, standard deviations 1 and 1.
        assert!((changed.distances[0] - 0.25).abs() < 1e-12);
        assert!((changed.mir.unwrap() - 0.25f64.log10()).abs() < 1e-12);
    }

    #[test]
    fn what_cannot_be_told_is_refused_with_the_reason() {
        let mut store = store();
        store.view.what_if.outliers = false;
        assert!(matches!(ask(&mut store), Outcome::Refused(reason) if reason.contains("run it")));
        let mut report = store.report().unwrap().clone();
        assert_eq!(scaling_refused(&report), None);
        report.layers[0].moments = None;
        assert!(
            scaling_refused(&report)
                .unwrap()
                .contains("measure it again")
        );
        report.definition = Definition::OfficialFast;
        assert!(scaling_refused(&report).unwrap().contains("closed form"));
    }
}
