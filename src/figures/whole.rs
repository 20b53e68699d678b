//! The picture of a whole report.

use super::{
    Figure, LayersChart, Look, Palette, Scale, compare, layers, mir_per_run, norms, origin, pairs,
    parts, subtitle, svg_of,
};
use crate::report::{Named, Report};

/// Width of the picture, in points.
const WIDTH: f32 = 760.0;

/// The charts of a report under each other: distances on a logarithmic axis, what they are made of, and
/// the modalities' norms, with the settings and the origin of the numbers.
pub fn report_figure(report: &Report, palette: Palette) -> Figure {
    let look = |height: f32| Look {
        left: 56.0,
        ..Look::new(palette, [WIDTH, height])
    };
    let chart = LayersChart {
        layers: &report.layers,
        scale: Scale::Log,
        selected: None,
        overlay: None,
        intervals: report.distances(),
    };
    let mut figures = vec![
        layers(&chart, &look(240.0)),
        parts(&report.layers, None, &look(190.0)),
        norms(&report.layers, None, &look(170.0)),
    ];
    figures.extend(pairs(report, &look(0.0)));
    let empty = || layers(&chart, &look(240.0));
    let figure = Figure::stacked(title(report), figures).unwrap_or_else(empty);
    let mut captions = vec![
        "From above: squared Fréchet distance between vision and text tokens after each decoder \
         layer, with a text token's mean norm scaled to 1 (thin lines: 95 % over pairs); shares of location, spread and shape in \
         it; mean norm of the vision tokens over that of the text tokens."
            .to_owned(),
        origin(report),
    ];
    if !report.samples.is_empty() {
        let samples = "Below: the rate of random samples of the pairs; \"tends to\" is the rate at infinitely many of \
                       them, if it moves with one over their number.";
        captions.insert(1, samples.to_owned());
    }
    figure.captioned(&subtitle(report), &captions, &look(0.0))
}

/// Several reports in one picture: the rate of each, and their distances layer by layer.
pub fn comparison_figure(runs: &[Named<'_>], palette: Palette) -> Figure {
    let look = |height: f32| Look {
        left: 56.0,
        ..Look::new(palette, [WIDTH, height])
    };
    let title = "Modality Integration Rate: lower is nearer to the words".to_owned();
    let curves = compare(runs, Scale::Log, None, &look(280.0));
    let figures = vec![mir_per_run(runs, None, &look(0.0)), curves.clone()];
    let figure = Figure::stacked(title, figures).unwrap_or(curves);
    let caption = "Above: the rate with its 95 % interval over pairs, where there is one. Below: squared Fréchet \
                   distance between vision and text tokens after each decoder layer, with a text token's mean norm \
                   scaled to 1."
        .to_owned();
    let subtitle = runs
        .first()
        .map_or_else(String::new, |run| subtitle(run.report));
    figure.captioned(&subtitle, &[caption], &look(0.0))
}

/// The report's picture as an SVG image of its own, on a light background.
///
/// Distances that are not positive and layers with negative parts are left out.
pub fn svg(report: &Report) -> String {
    svg_of(&report_figure(report, Palette::LIGHT))
}

fn title(report: &Report) -> String {
    match report.mir {
        Some(mir) => format!(
            "Modality Integration Rate {mir:.3}{} ({}): lower is nearer to the words",
            report
                .interval("mir")
                .map_or_else(String::new, |[low, high]| {
                    format!(" [{low:.3}, {high:.3}]")
                }),
            report.definition
        ),
        None => format!(
            "Modality Integration Rate undefined ({})",
            report.definition
        ),
    }
}
