//! Any quantity of a report, or of several, as a small curve over the decoder's layers.

use super::{
    Anchor, Area, Figure, Look, Scale, Spot, Stroke, Target,
    axis::Axis,
    compare::stroke,
    layers::{dotted_curve, whisker},
    sheet::{Columns, Sheet},
    words,
};
use crate::report::{MetricReport, Report, StateValue, number::significant};

/// A quantity of one run.
#[derive(Clone, Copy, Debug)]
pub struct Quantity<'a> {
    /// The run's report.
    pub report: &'a Report,
    /// The quantity; one of another report has no layers here.
    pub metric: &'a MetricReport,
    /// Where several are compared: the run's place among them, which gives its curve's color, and its name.
    pub run: Option<(usize, &'a str)>,
}

impl<'a> Quantity<'a> {
    /// The entry of a decoder layer, 1 to L.
    ///
    /// Definitions differ in what they call the last state, so that entries which are as many as the layers
    /// belong to them by their places.
    pub fn at_layer(self, layer: usize) -> Option<&'a StateValue> {
        let place = layer.checked_sub(1)?;
        let found = self.report.layers.get(place)?;
        let states = &self.metric.per_state;
        if states.len() == self.report.layers.len() {
            return states.get(place);
        }
        states.iter().find(|it| it.state == found.state)
    }

    /// The decoder layer of the entry at a place.
    fn layer_of(self, place: usize) -> Option<usize> {
        let (states, layers) = (&self.metric.per_state, &self.report.layers);
        let entry = states.get(place)?;
        if states.len() == layers.len() {
            return Some(place + 1);
        }
        let found = layers.iter().position(|it| it.state == entry.state)?;
        Some(found + 1)
    }
}

/// A quantity's value for reading.
pub fn quantity_words(value: Option<f64>) -> String {
    value.map_or_else(|| "undefined".to_owned(), significant)
}

/// The curves of one quantity in one or several runs, with the range of its values beside them and a band
/// behind the selected layer; no larger than a line or two of text.
///
/// Each column of a decoder layer is a spot.
pub fn spark(runs: &[Quantity<'_>], selected: Option<usize>, look: &Look) -> Figure {
    let label = runs.first().map_or("", |it| &it.metric.label);
    let mut sheet = Sheet::new(look, format!("{label} by decoder layer"));
    let values: Vec<Vec<f64>> = (runs.iter())
        .map(|it| {
            let states = it.metric.per_state.iter();
            states.map(|it| it.value.unwrap_or(f64::NAN)).collect()
        })
        .collect();
    let scale = Scale::Linear;
    let shown = || values.iter().flatten().filter(|value| scale.shows(**value));
    let ends = runs.first().filter(|_| runs.len() == 1).into_iter();
    let ends = ends.flat_map(|it| it.metric.per_state.iter().filter_map(|it| it.interval));
    let axis = Axis::covering(
        scale,
        shown().copied().chain(ends.flatten()),
        false,
        [1.0, 0.0],
    );
    let (Some(axis), Some(low), Some(high)) = (
        axis,
        shown().copied().reduce(f64::min),
        shown().copied().reduce(f64::max),
    ) else {
        sheet.instead("no value at any layer");
        return sheet.figure;
    };
    let (font, palette) = (look.font(), look.palette);
    let [width, height] = look.size;
    let ends = [high, low].map(significant);
    let room = ends.iter().map(|end| words::width(end, font));
    // No less than for four digits, so that curves below each other line up.
    let room = room.fold(words::width("0.0000", font), f32::max) + 0.8 * font;
    let area = Area::between(
        [0.0, (width - room).max(0.5 * width)],
        [2.0, (height - 2.0).max(3.0)],
    );
    let axis = axis.between([area.bottom(), area.top()]);
    let most = values.iter().map(Vec::len).max().unwrap_or(0);
    let columns = Columns::new(area, most);
    for place in 0..most {
        // The run with the most layers tells all of them.
        let Some(layer) = runs.iter().find_map(|it| it.layer_of(place)) else {
            continue;
        };
        if Some(layer) == selected {
            sheet.figure.selected = Some(Target::Layer(layer));
            sheet.bar(columns.column(place), palette.accent.faded(0.2));
        }
        let mut tip = format!("Layer {layer}");
        for it in runs {
            let Some(entry) = it.metric.per_state.get(place) else {
                continue;
            };
            let name = it.run.map_or(entry.state.as_str(), |(_, name)| name);
            tip += &format!("\n{name}: {}", quantity_words(entry.value));
            if let Some([low, high]) = entry.interval.map(|ends| ends.map(significant)) {
                tip += &format!(" ({low} to {high})");
            }
        }
        sheet.figure.spots.push(Spot {
            area: columns.column(place),
            target: Target::Layer(layer),
            tip,
        });
    }
    // Of several runs the lines would hide each other.
    if let [it] = runs {
        for (place, state) in it.metric.per_state.iter().enumerate() {
            if let Some(interval) = state.interval {
                whisker(&mut sheet, scale, interval, &columns, place, axis);
            }
        }
    }
    // The first run last, so that it lies on top.
    for (it, values) in runs.iter().zip(&values).rev() {
        let line = match it.run {
            None => Stroke::new(1.6, palette.ink),
            Some((place, _)) => stroke(look, place),
        };
        dotted_curve(&mut sheet, scale, values, &columns, axis, line);
    }
    let left = area.right() + 0.6 * font;
    let apart = area.bottom() - area.top() > 1.9 * font;
    if low == high || !apart {
        let middle = [left, (area.top() + area.bottom()) / 2.0];
        let both = if low == high { &ends[0] } else { "" };
        sheet.words(middle, Anchor::Start, palette.faint, both);
    } else {
        let [above, below] = ends.clone();
        let top = [left, area.top() + 0.5 * font];
        let bottom = [left, area.bottom() - 0.5 * font];
        sheet.words(top, Anchor::Start, palette.faint, above);
        sheet.words(bottom, Anchor::Start, palette.faint, below);
    }
    sheet.figure.summary = format!("{label}: between {} and {}.", ends[1], ends[0]);
    sheet.figure
}
