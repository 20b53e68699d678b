//! Several runs in one picture.

use super::{
    Anchor, Area, Figure, Look, Mark, Scale, Spot, Stroke, Target,
    axis::Axis,
    layers::{dotted_curve, nothing_on, zero_line},
    sheet::{Key, Sheet, with_scale},
    words,
};
use crate::report::{Named, number::significant};
use crate::words::counted;

/// Lengths of dash and gap of the runs, taken in turn; the first is solid.
const DASHES: [Option<[f32; 2]>; 4] = [None, Some([8.0, 4.0]), Some([2.5, 3.5]), Some([12.0, 3.0])];

/// The line of a run, told apart by color and by dashes.
pub(super) fn stroke(look: &Look, run: usize) -> Stroke {
    let colors = look.palette.runs;
    Stroke {
        width: 2.0,
        color: colors[run % colors.len()],
        // As many dashes as colors would repeat with them.
        dash: DASHES[run % DASHES.len()],
    }
}

/// The distances of several runs at each decoder layer.
///
/// Each column is a spot of its layer.
pub fn compare(runs: &[Named<'_>], scale: Scale, selected: Option<usize>, look: &Look) -> Figure {
    let mut sheet = Sheet::new(look, "Fréchet distance by decoder layer, several runs");
    let distances: Vec<Vec<f64>> = runs
        .iter()
        .map(|run| {
            run.report
                .layers
                .iter()
                .map(|layer| layer.frechet)
                .collect()
        })
        .collect();
    let axis = Axis::covering(scale, distances.iter().flatten().copied(), true, [1.0, 0.0]);
    let Some(axis) = axis else {
        sheet.instead(nothing_on(scale));
        return sheet.figure;
    };
    let font = look.font();
    let keys = runs.iter().enumerate();
    let keys = keys.map(|(index, run)| (run.name, Key::Line(stroke(look, index))));
    let top = 0.8 * font + sheet.legend([0.5 * font, 0.2 * font], keys);
    let (area, axis) = sheet.plot(top, axis, &with_scale("Fréchet distance", scale));
    let most = distances.iter().map(Vec::len).max().unwrap_or(0);
    let numbers: Vec<usize> = (1..=most).collect();
    let columns = sheet.layer_axis(area, &numbers, selected);
    zero_line(&mut sheet, area, axis);
    // The first run last, so that it lies on top.
    for (index, values) in distances.iter().enumerate().rev() {
        let stroke = stroke(look, index);
        dotted_curve(&mut sheet, scale, values, &columns, axis, stroke);
    }
    for (index, layer) in numbers.iter().enumerate() {
        let mut tip = format!("Layer {layer}");
        for (run, values) in runs.iter().zip(&distances) {
            if let Some(value) = values.get(index) {
                tip += &format!("\n{}: {}", run.name, significant(*value));
            }
        }
        sheet.layer_spot(&columns, index, *layer, tip);
    }
    let names: Vec<&str> = runs.iter().map(|run| run.name).collect();
    sheet.figure.summary = format!(
        "Fréchet distance between vision and text tokens over {most} decoder layers of {}.",
        names.join(", ")
    );
    sheet.figure
}

/// How much larger the distances of `other` are than those of `base`, layer by layer, over the layers
/// that both have.
///
/// Each column is a spot of its layer.
pub fn difference(
    base: Named<'_>,
    other: Named<'_>,
    selected: Option<usize>,
    look: &Look,
) -> Figure {
    let title = format!("{} minus {}: Fréchet distance", other.name, base.name);
    let mut sheet = Sheet::new(look, title);
    let pairs = base.report.layers.iter().zip(&other.report.layers);
    let differences: Vec<f64> = pairs
        .map(|(base, other)| other.frechet - base.frechet)
        .collect();
    let axis = Axis::covering(Scale::Linear, differences.iter().copied(), true, [1.0, 0.0]);
    let Some(axis) = axis else {
        sheet.instead("the two runs have no layer in common");
        return sheet.figure;
    };
    let font = look.font();
    let palette = look.palette;
    let (area, axis) = sheet.plot(0.8 * font, axis, "difference");
    let numbers: Vec<usize> = (1..=differences.len()).collect();
    let columns = sheet.layer_axis(area, &numbers, selected);
    let zero = axis.at(0.0);
    let half = 0.3 * columns.width();
    for (index, difference) in differences.iter().enumerate() {
        let middle = columns.middle(index);
        if Scale::Linear.shows(*difference) {
            let y = axis.at(*difference);
            let area = Area::between([middle - half, middle + half], [zero.min(y), zero.max(y)]);
            // Up and down differ by direction already; the color repeats it.
            let color = if *difference > 0.0 {
                palette.runs[2]
            } else {
                palette.runs[1]
            };
            sheet.bar(area, color);
        }
        let value = |named: Named<'_>| {
            let layer = named.report.layers.get(index);
            layer.map_or(String::new(), |layer| significant(layer.frechet))
        };
        let tip = format!(
            "Layer {}: {}\n{}: {}\n{}: {}",
            numbers[index],
            signed(*difference),
            base.name,
            value(base),
            other.name,
            value(other)
        );
        sheet.layer_spot(&columns, index, numbers[index], tip);
    }
    let line = Stroke::new(1.0, palette.faint);
    sheet.line(vec![[area.left(), zero], [area.right(), zero]], line);
    let below = differences.iter().filter(|value| **value < 0.0).count();
    sheet.figure.summary = format!(
        "{}: nearer to the words than {} at {below} of {}.",
        other.name,
        base.name,
        counted(differences.len(), "layer")
    );
    sheet.figure
}

/// A difference with its sign, also where it is positive.
pub fn signed(value: f64) -> String {
    let sign = if value > 0.0 { "+" } else { "" };
    format!("{sign}{}", significant(value))
}

/// The Modality Integration Rate of each run, one below the other in the order given; a bar reaches to
/// the upper end where a report has a bracket.
///
/// Each row is a spot of its run. The figure is as high as its rows need, whatever the look says.
pub fn mir_per_run(runs: &[Named<'_>], selected: Option<usize>, look: &Look) -> Figure {
    let font = look.font();
    let row = 2.0 * font;
    let look = Look {
        size: [look.size[0], row * runs.len().max(1) as f32 + 4.2 * font],
        ..*look
    };
    let mut sheet = Sheet::new(&look, "Modality Integration Rate");
    let values = runs.iter().flat_map(|run| {
        let [low, high] = run
            .report
            .interval("mir")
            .map_or([None; 2], |ends| ends.map(Some));
        [run.report.mir, run.report.mir_upper(), low, high]
    });
    let Some(axis) = Axis::covering(Scale::Linear, values.flatten(), false, [0.0, 1.0]) else {
        sheet.instead("no run has a defined Modality Integration Rate");
        return sheet.figure;
    };
    let palette = look.palette;
    let [width, height] = look.size;
    let names = runs.iter().map(|run| words::width(run.name, font));
    let left = (names.fold(0.0, f32::max) + 1.6 * font).min(0.5 * width);
    let right = width - 3.6 * font;
    let area = Area::between(
        [left, right.max(left + font)],
        [0.5 * font, height - 3.2 * font],
    );
    let axis = axis.between([area.left() + font, area.right() - font]);
    sheet.value_axis(area, axis, "MIR: lower is nearer to the words");
    for (index, run) in runs.iter().enumerate() {
        let y = area.top() + row * (index as f32 + 0.5);
        let color = stroke(&look, index).color;
        let band = Area {
            min: [0.0, y - 0.5 * row],
            size: [width, row],
        };
        if selected == Some(index) {
            sheet.figure.selected = Some(Target::Run(index));
            sheet.mark(Mark::Rect {
                area: band,
                radius: 4.0,
                fill: Some(palette.accent.faded(0.14)),
                stroke: None,
            });
        }
        let name = words::fit(run.name, font, left - 1.2 * font);
        sheet.words([0.6 * font, y], Anchor::Start, palette.ink, name);
        let mut tip = run.name.to_owned();
        if let Some(mir) = run.report.mir {
            let x = axis.at(mir);
            let (upper, interval) = (run.report.mir_upper(), run.report.interval("mir"));
            if let Some(upper) = upper {
                let line = Stroke::new(4.0, color.faded(0.4));
                sheet.line(vec![[x, y], [axis.at(upper), y]], line);
            }
            sheet.disc([x, y], 0.42 * font, color);
            let reached = [upper, interval.map(|[_, high]| high)];
            let reached = reached.into_iter().flatten().map(|end| axis.at(end));
            let end = reached.fold(x, f32::max);
            let at = [end + 0.8 * font, y];
            sheet.words(at, Anchor::Start, palette.ink, format!("{mir:.3}"));
            tip += &format!("\nMIR {mir:.4}");
            if let Some([low, high]) = interval {
                let line = Stroke::new(1.4, palette.faint);
                sheet.line(vec![[axis.at(low), y], [axis.at(high), y]], line);
                tip += &format!(" (95 % over pairs: {low:.4} to {high:.4})");
            }
            if let Some(upper) = upper {
                tip += &format!(" to {upper:.4} (the script's bracket)");
            }
        } else {
            let at = [area.left() + font, y];
            sheet.words(at, Anchor::Start, palette.faint, "undefined");
            tip += "\nMIR undefined";
        }
        sheet.figure.spots.push(Spot {
            area: band,
            target: Target::Run(index),
            tip,
        });
    }
    let listed = runs.iter().map(|run| match run.report.mir {
        Some(mir) => format!("{} {mir:.3}", run.name),
        None => format!("{} undefined", run.name),
    });
    let listed: Vec<String> = listed.collect();
    sheet.figure.summary = format!("{}. Lower is nearer to the words.", listed.join(", "));
    sheet.figure
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::{
        Palette,
        palette::sight::{APART, distance},
    };

    /// By color, or where some see the colors alike, by dashes.
    #[test]
    fn everybody_tells_the_runs_apart() {
        for palette in [Palette::LIGHT, Palette::DARK] {
            let look = Look::new(palette, [600.0, 300.0]);
            for one in 0..palette.runs.len() {
                for other in 0..one {
                    let [a, b] = [one, other].map(|run| stroke(&look, run));
                    let (apart, sight) = distance(a.color, b.color);
                    assert!(
                        a.dash != b.dash || apart >= APART,
                        "runs {other} and {one}: {apart:.1} for {sight}"
                    );
                }
            }
        }
    }
}
