//! The layers of an axis' settings.

use super::{
    super::{
        Figure, Look, Scale,
        axis::Axis,
        layers::{dotted_curve, nothing_on, zero_line},
        sheet::{Key, Sheet, with_scale},
    },
    StudyPlot, setting_stroke,
};
use crate::{report::number::significant, study::Variant};

/// Most curves that are told apart; of more settings those at equal distances are drawn.
const MOST: usize = 12;

/// The Fréchet distance at each decoder layer of the settings of the plot's axis.
///
/// Each column is a spot of its layer.
pub fn axis_curves(
    plot: &StudyPlot<'_>,
    scale: Scale,
    layer: Option<usize>,
    look: &Look,
) -> Figure {
    let title = match plot.axis {
        Some(axis) => format!("{}: Fréchet distance by decoder layer", axis.title),
        None => "Fréchet distance by decoder layer".to_owned(),
    };
    let mut sheet = Sheet::new(look, title);
    let results = plot.results;
    let measured: Vec<(&Variant, Vec<f64>)> = (plot.settings().into_iter())
        .filter_map(|(_, variant)| {
            let layers = &results.measured.get(&variant.name)?.layers;
            Some((variant, layers.iter().map(|layer| layer.frechet).collect()))
        })
        .collect();
    let all = measured.len();
    let shown: Vec<(&Variant, Vec<f64>)> = if all > MOST {
        let kept = (0..MOST).map(|index| index * (all - 1) / (MOST - 1));
        kept.filter_map(|index| measured.get(index).cloned())
            .collect()
    } else {
        measured
    };
    let distances = shown.iter().flat_map(|(_, values)| values.iter().copied());
    let Some(axis) = Axis::covering(scale, distances, true, [1.0, 0.0]) else {
        let reason = if shown.is_empty() {
            "no setting of this axis was measured"
        } else {
            nothing_on(scale)
        };
        sheet.instead(reason);
        return sheet.figure;
    };
    let font = look.font();
    let ordered = plot.axis.is_some_and(|axis| axis.ordered);
    let stroke = |index| setting_stroke(look, ordered, index, shown.len());
    let keys = shown.iter().enumerate();
    let keys = keys.map(|(index, (variant, _))| (variant.label.as_str(), Key::Line(stroke(index))));
    let top = 0.8 * font + sheet.legend([0.5 * font, 0.2 * font], keys);
    let (area, axis) = sheet.plot(top, axis, &with_scale("Fréchet distance", scale));
    let depth = shown
        .iter()
        .map(|(_, values)| values.len())
        .max()
        .unwrap_or(0);
    let numbers: Vec<usize> = (1..=depth).collect();
    let columns = sheet.layer_axis(area, &numbers, layer);
    zero_line(&mut sheet, area, axis);
    for (index, (_, values)) in shown.iter().enumerate() {
        dotted_curve(&mut sheet, scale, values, &columns, axis, stroke(index));
    }
    for (index, layer) in numbers.iter().enumerate() {
        let mut tip = format!("Layer {layer}");
        for (variant, values) in &shown {
            if let Some(value) = values.get(index) {
                tip += &format!("\n{}: {}", variant.label, significant(*value));
            }
        }
        sheet.layer_spot(&columns, index, *layer, tip);
    }
    let names: Vec<&str> = shown
        .iter()
        .map(|(variant, _)| variant.label.as_str())
        .collect();
    sheet.figure.summary = format!(
        "Fréchet distance between vision and text tokens over {depth} decoder layers: {}.",
        names.join(", ")
    );
    sheet.figure
}
