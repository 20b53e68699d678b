//! The distance of each layer.

use super::{
    Area, Figure, Look, Mark, Scale, Stroke,
    axis::Axis,
    sheet::{Columns, Key, Sheet, with_scale},
};
use crate::report::{LayerReport, StateValue, number::significant};

/// What [`layers`] shows.
#[derive(Clone, Copy, Debug)]
pub struct LayersChart<'a> {
    /// The layers, first to last.
    pub layers: &'a [LayerReport],
    /// The axis of the distances.
    pub scale: Scale,
    /// The selected layer, 1 to L.
    pub selected: Option<usize>,
    /// A second curve over the first.
    pub overlay: Option<Overlay<'a>>,
    /// The distances with their intervals, one a layer in the order of [`LayersChart::layers`]; may be empty.
    pub intervals: &'a [StateValue],
}

impl LayersChart<'_> {
    /// The interval of the layer at a place.
    fn interval(&self, index: usize) -> Option<[f64; 2]> {
        self.intervals.get(index)?.interval
    }
}

/// A second curve, drawn with dashes.
#[derive(Clone, Copy, Debug)]
pub struct Overlay<'a> {
    /// What the first curve is called beside it.
    pub base: &'a str,
    /// What it is called itself.
    pub name: &'a str,
    /// Its distances, one a layer in the order of [`LayersChart::layers`].
    pub distances: &'a [f64],
}

/// The Fréchet distance between vision and text tokens at each decoder layer, with the bracket of
/// [`crate::report::Definition::OfficialFast`] where the report has one.
///
/// Each column is a spot of its layer. On a logarithmic axis distances that are not positive are left
/// out.
pub fn layers(chart: &LayersChart<'_>, look: &Look) -> Figure {
    let mut sheet = Sheet::new(look, "Fréchet distance by decoder layer");
    let overlay = chart.overlay.map_or(&[][..], |overlay| overlay.distances);
    let values = chart.layers.iter().flat_map(|layer| {
        let upper = layer.frechet_upper.unwrap_or(layer.frechet);
        [layer.frechet, upper]
    });
    let ends = (0..chart.layers.len()).filter_map(|index| chart.interval(index));
    let values = values
        .chain(overlay.iter().copied())
        .chain(ends.flatten().filter(|end| chart.scale.shows(*end)));
    let Some(axis) = Axis::covering(chart.scale, values, true, [1.0, 0.0]) else {
        sheet.instead(nothing_on(chart.scale));
        return sheet.figure;
    };
    let palette = look.palette;
    let solid = Stroke::new(2.0, palette.ink);
    let dashed = Stroke::new(2.0, palette.accent).dashed(6.0, 4.0);
    let mut top = 0.8 * look.font();
    if let Some(overlay) = chart.overlay {
        let keys = [
            (overlay.base, Key::Line(solid)),
            (overlay.name, Key::Line(dashed)),
        ];
        top += sheet.legend([2.2 * look.font(), 0.2 * look.font()], keys);
    }
    let (area, axis) = sheet.plot(top, axis, &with_scale("Fréchet distance", chart.scale));
    let numbers: Vec<usize> = chart.layers.iter().map(|layer| layer.layer).collect();
    let columns = sheet.layer_axis(area, &numbers, chart.selected);
    zero_line(&mut sheet, area, axis);
    bracket(&mut sheet, chart, &columns, axis);
    curve(&mut sheet, chart.scale, overlay, &columns, axis, dashed);
    let distances: Vec<f64> = chart.layers.iter().map(|layer| layer.frechet).collect();
    curve(&mut sheet, chart.scale, &distances, &columns, axis, solid);
    let radius = (0.3 * columns.width()).clamp(1.5, 4.0);
    for (index, layer) in chart.layers.iter().enumerate() {
        if let Some(interval) = chart.interval(index) {
            whisker(&mut sheet, chart.scale, interval, &columns, index, axis);
        }
        if chart.scale.shows(layer.frechet) {
            let at = [columns.middle(index), axis.at(layer.frechet)];
            if chart.selected == Some(layer.layer) {
                sheet.disc(at, radius + 2.5, palette.accent);
            } else {
                sheet.disc(at, radius, palette.ink);
            }
        }
        let tip = tip(layer, chart.overlay, chart.interval(index), index);
        sheet.layer_spot(&columns, index, layer.layer, tip);
    }
    sheet.figure.summary = summary(chart.layers);
    sheet.figure
}

/// Why an axis has no place for any value.
pub(super) fn nothing_on(scale: Scale) -> &'static str {
    match scale {
        Scale::Log => "no layer has a positive distance, so there is nothing on a logarithmic axis",
        Scale::Linear => "no layer has a distance that can be drawn",
    }
}

/// The line at 0, where it is inside the plot.
pub(super) fn zero_line(sheet: &mut Sheet<'_>, area: Area, axis: Axis) {
    if axis.low < 0.0 && axis.high > 0.0 {
        let y = axis.at(0.0);
        let stroke = Stroke::new(1.0, sheet.look.palette.faint);
        sheet.line(vec![[area.left(), y], [area.right(), y]], stroke);
    }
}

/// A line through the values that the axis shows, broken where it does not.
pub(super) fn curve(
    sheet: &mut Sheet<'_>,
    scale: Scale,
    values: &[f64],
    columns: &Columns,
    axis: Axis,
    stroke: Stroke,
) {
    let mut points = Vec::new();
    let shown = values.iter().map(Some).chain([None]).enumerate();
    for (index, value) in shown {
        if let Some(value) = value.filter(|value| scale.shows(**value)) {
            points.push([columns.middle(index), axis.at(*value)]);
        } else if points.len() > 1 {
            sheet.line(std::mem::take(&mut points), stroke);
        } else {
            points.clear();
        }
    }
}

/// [`curve`] with a disc at each value.
pub(super) fn dotted_curve(
    sheet: &mut Sheet<'_>,
    scale: Scale,
    values: &[f64],
    columns: &Columns,
    axis: Axis,
    stroke: Stroke,
) {
    curve(sheet, scale, values, columns, axis, stroke);
    let radius = (0.3 * columns.width()).clamp(1.0, 3.2);
    for (column, value) in values.iter().enumerate() {
        if scale.shows(*value) {
            let at = [columns.middle(column), axis.at(*value)];
            sheet.disc(at, radius, stroke.color);
        }
    }
}

/// The bracket of each layer: a band in its column from the lower to the upper end.
fn bracket(sheet: &mut Sheet<'_>, chart: &LayersChart<'_>, columns: &Columns, axis: Axis) {
    let palette = sheet.look.palette;
    for (index, layer) in chart.layers.iter().enumerate() {
        let Some(upper) = layer
            .frechet_upper
            .filter(|upper| chart.scale.shows(*upper))
        else {
            continue;
        };
        let lowest = if chart.scale.shows(layer.frechet) {
            axis.at(layer.frechet)
        } else {
            columns.area.bottom()
        };
        let (x, y) = (columns.middle(index), axis.at(upper));
        let half = 0.28 * columns.width();
        sheet.mark(Mark::Rect {
            area: Area::between([x - half, x + half], [y, lowest]),
            radius: 2.0,
            fill: Some(palette.faint.faded(0.22)),
            stroke: None,
        });
        let stroke = Stroke::new(1.5, palette.faint);
        sheet.line(vec![[x - half, y], [x + half, y]], stroke);
    }
}

/// The interval of a value as a thin line with ends; what the axis does not show of it is left out.
pub(super) fn whisker(
    sheet: &mut Sheet<'_>,
    scale: Scale,
    [low, high]: [f64; 2],
    columns: &Columns,
    index: usize,
    axis: Axis,
) {
    if !scale.shows(high) {
        return;
    }
    let stroke = Stroke::new(1.2, sheet.look.palette.faint);
    let (x, top) = (columns.middle(index), axis.at(high));
    let half = (0.18 * columns.width()).clamp(1.0, 4.0);
    let foot = scale.shows(low).then(|| axis.at(low));
    let bottom = foot
        .unwrap_or(columns.area.bottom())
        .min(columns.area.bottom());
    sheet.line(vec![[x, top], [x, bottom]], stroke);
    for y in std::iter::once(top).chain(foot) {
        sheet.line(vec![[x - half, y], [x + half, y]], stroke);
    }
}

fn tip(
    layer: &LayerReport,
    overlay: Option<Overlay<'_>>,
    interval: Option<[f64; 2]>,
    index: usize,
) -> String {
    let mut tip = format!(
        "Layer {}: {}\nFréchet distance {}",
        layer.layer,
        layer.state,
        significant(layer.frechet)
    );
    if let Some(upper) = layer.frechet_upper {
        tip += &format!(" to {} (the script's bracket)", significant(upper));
    }
    if let Some([low, high]) = interval {
        let [low, high] = [low, high].map(significant);
        tip += &format!("\n95 % over pairs: {low} to {high}");
    }
    if let Some(overlay) = overlay
        && let Some(value) = overlay.distances.get(index)
    {
        tip += &format!("\n{}: {}", overlay.name, significant(*value));
    }
    tip += &format!(
        "\nlocation {}, spread {}, shape {}",
        significant(layer.location),
        significant(layer.spread),
        significant(layer.shape)
    );
    if let Some(ratio) = layer.norm_ratio() {
        tip += &format!("\nnorm of vision over text {}", significant(ratio));
    }
    tip
}

fn summary(layers: &[LayerReport]) -> String {
    let by_distance =
        |one: &&LayerReport, other: &&LayerReport| one.frechet.total_cmp(&other.frechet);
    let (Some(least), Some(most)) = (
        layers.iter().min_by(by_distance),
        layers.iter().max_by(by_distance),
    ) else {
        return "No layers.".to_owned();
    };
    format!(
        "Fréchet distance between vision and text tokens over {} decoder layers: smallest {} at \
         layer {}, largest {} at layer {}.",
        layers.len(),
        significant(least.frechet),
        least.layer,
        significant(most.frechet),
        most.layer
    )
}
