//! The picture of a whole report.

use super::{
    Figure, LayersChart, Look, Palette, Scale, layers, norms, origin, parts, subtitle, svg_of,
};
use crate::report::Report;

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
    let figures = vec![
        layers(&chart, &look(240.0)),
        parts(&report.layers, None, &look(190.0)),
        norms(&report.layers, None, &look(170.0)),
    ];
    let empty = || layers(&chart, &look(240.0));
    let figure = Figure::stacked(title(report), figures).unwrap_or_else(empty);
    let captions = [
        "From above: squared Fréchet distance between vision and text tokens after each decoder \
         layer, with a text token's mean norm scaled to 1 (thin lines: 95 % intervals over pairs, where \
         there are any); shares of location, spread and shape in \
         it; mean norm of the vision tokens over that of the text tokens."
            .to_owned(),
        origin(report),
    ];
    figure.captioned(&subtitle(report), &captions, &look(0.0))
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
