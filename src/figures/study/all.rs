//! All figures of a study, as they are written beside its results.

use super::{StudyPlot, axis_curves, mir_score, score_quantities, settings_plot, study_origin};
use crate::words::counted;
use crate::{
    figures::{Figure, Look, Palette, Scale},
    study::{Metric, Over, StudyResults},
};

/// Width of the figures, in points.
const WIDTH: f32 = 900.0;

/// A figure with the name that its file has.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyFigure {
    /// File name without its ending.
    pub name: String,
    /// What it shows.
    pub figure: Figure,
}

/// MIR against score over all variants; what the score goes with, where quantities were measured; and of each axis: MIR against score, its settings side by side,
/// its layers. Each with a heading and where its numbers come from.
pub fn study_figures(results: &StudyResults, palette: Palette) -> Vec<StudyFigure> {
    let look = |height: f32| Look::new(palette, [WIDTH, height]);
    let plain = StudyPlot {
        results,
        axis: None,
        selected: None,
    };
    let mut figures = vec![StudyFigure {
        name: "mir-score".to_owned(),
        figure: study_captioned(&plain, mir_score(&plain, &look(460.0)), &look(0.0)),
    }];
    if !results.quantities().is_empty() {
        figures.push(StudyFigure {
            name: "quantities".to_owned(),
            figure: study_captioned(&plain, score_quantities(&plain, &look(0.0)), &look(0.0)),
        });
    }
    for axis in &results.study.axes {
        let plot = StudyPlot {
            axis: Some(axis),
            ..plain
        };
        let parts = [
            ("score", mir_score(&plot, &look(460.0))),
            ("settings", settings_plot(&plot, &look(660.0))),
            ("layers", axis_curves(&plot, Scale::Log, None, &look(420.0))),
        ];
        figures.extend(parts.map(|(part, figure)| StudyFigure {
            name: format!("{part}-{}", axis.name),
            figure: study_captioned(&plot, figure, &look(0.0)),
        }));
    }
    figures
}

/// A figure of a study with a heading and where its numbers come from.
pub fn study_captioned(plot: &StudyPlot<'_>, figure: Figure, look: &Look) -> Figure {
    let results = plot.results;
    let subtitle = match plot.axis {
        Some(axis) if axis.source.is_empty() => axis.explains.clone(),
        Some(axis) => format!("{} Varied in {}.", axis.explains, axis.source),
        None => counted(results.study.variants.len(), "checkpoint"),
    };
    let over = Over::axis(plot.axis);
    let found = results.correlation(&over, &Metric::Mir, &Metric::Choice);
    let rho = found.map(|found| format!("MIR with score: Spearman's {}.", found.rank.words()));
    let captions: Vec<String> = rho.into_iter().chain([study_origin(results)]).collect();
    figure.captioned(&subtitle, &captions, look)
}
