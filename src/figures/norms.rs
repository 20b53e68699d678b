//! The modalities' norms.

use super::{Anchor, Figure, Look, Scale, Stroke, axis::Axis, layers::curve, sheet::Sheet, words};
use crate::report::{LayerReport, number::significant};

/// The mean norm of the vision tokens over that of the text tokens at each layer, on a logarithmic
/// axis, with a line where both are alike.
///
/// Each column is a spot of its layer.
pub fn norms(layers: &[LayerReport], selected: Option<usize>, look: &Look) -> Figure {
    let mut sheet = Sheet::new(look, "Norm of vision tokens over norm of text tokens");
    let ratios: Vec<f64> = layers
        .iter()
        .map(|layer| layer.norm_ratio().unwrap_or(f64::NAN))
        .collect();
    // The line at 1 is always in the picture.
    let values = ratios.iter().copied().chain([1.0 / 1.2, 1.2]);
    let axis = Axis::covering(Scale::Log, values, false, [1.0, 0.0]);
    let (Some(axis), true) = (axis, ratios.iter().any(|ratio| Scale::Log.shows(*ratio))) else {
        sheet.instead("no layer has norms to compare");
        return sheet.figure;
    };
    let font = look.font();
    let palette = look.palette;
    let (area, axis) = sheet.plot(0.8 * font, axis, "norm ratio (log)");
    let numbers: Vec<usize> = layers.iter().map(|layer| layer.layer).collect();
    let columns = sheet.layer_axis(area, &numbers, selected);
    let y = axis.at(1.0);
    let stroke = Stroke::new(1.5, palette.faint).dashed(4.0, 4.0);
    sheet.line(vec![[area.left(), y], [area.right(), y]], stroke);
    let solid = Stroke::new(2.0, palette.ink);
    curve(&mut sheet, Scale::Log, &ratios, &columns, axis, solid);
    // Which side is whose, in the modalities' colors.
    let room = 1.6 * font;
    for (name, color, middle, has_room) in [
        (
            "vision longer",
            palette.vision,
            area.top() + 0.7 * font,
            y - area.top() > room,
        ),
        (
            "text longer",
            palette.text,
            area.bottom() - 0.7 * font,
            area.bottom() - y > room,
        ),
    ] {
        if !has_room {
            continue;
        }
        // At the right where a disc lies at the left.
        let end = area.left() + 1.5 * font + words::width(name, font);
        let is_taken = ratios.iter().enumerate().any(|(index, ratio)| {
            let near = (axis.at(*ratio) - middle).abs() < font;
            near && columns.middle(index) < end
        });
        let (x, anchor) = match is_taken {
            true => (area.right() - 0.5 * font, Anchor::End),
            false => (area.left() + 0.5 * font, Anchor::Start),
        };
        sheet.words([x, middle], anchor, color, name);
    }
    let radius = (0.3 * columns.width()).clamp(1.5, 4.0);
    for (index, (layer, ratio)) in layers.iter().zip(&ratios).enumerate() {
        let mut tip = format!("Layer {}", layer.layer);
        if Scale::Log.shows(*ratio) {
            let color = if *ratio >= 1.0 {
                palette.vision
            } else {
                palette.text
            };
            let at = [columns.middle(index), axis.at(*ratio)];
            sheet.disc(at, radius, color);
            tip += &format!("\nnorm of vision over text {}", significant(*ratio));
        }
        tip += &format!(
            "\nmean norm of vision {}, of text {}",
            significant(layer.mean_norm_vision),
            significant(layer.mean_norm_text)
        );
        sheet.layer_spot(&columns, index, layer.layer, tip);
    }
    sheet.figure.summary = summary(&ratios);
    sheet.figure
}

fn summary(ratios: &[f64]) -> String {
    let known = ratios.iter().filter(|ratio| Scale::Log.shows(**ratio));
    let (low, high) = known.fold((f64::MAX, f64::MIN), |(low, high), ratio| {
        (low.min(*ratio), high.max(*ratio))
    });
    format!(
        "Mean norm of vision tokens over that of text tokens: between {} and {}.",
        significant(low),
        significant(high)
    )
}
