//! The two sides of a contrast on one ruler, and where a run lies on it.

use super::{
    Anchor, Area, Color, Figure, Look, Mark, Scale, Spot, Stroke, Target, Text, axis::Axis,
    sheet::Sheet, words,
};
use crate::study::{Contrast, ContrastSide, FARTHER, NEARER, SIDES};

/// What [`ruler`] shows.
#[derive(Clone, Copy, Debug)]
pub struct Ruler<'a> {
    /// The two sides.
    pub contrast: &'a Contrast,
    /// Names and MIR of runs, to be put on the ruler beside them.
    pub runs: &'a [(&'a str, f64)],
    /// Whether the training as long whose model answers most is there, too.
    pub best: bool,
}

impl Ruler<'_> {
    /// What is pointed at: names, MIR, and whether it is one of the runs.
    fn pointers(&self) -> Vec<(String, f64, bool)> {
        let best = self.contrast.best.as_ref().filter(|_| self.best);
        let best = best.map(|best| {
            let share = 100.0 * best.answered.value;
            (
                format!("most right answers ({share:.0} %)"),
                best.mir,
                false,
            )
        });
        let runs = self.runs.iter();
        let runs = runs.map(|(name, mir)| ((*name).to_owned(), *mir, true));
        runs.chain(best).collect()
    }
}

/// The color of a side, first the captions that fit: those that both have as the first runs of a comparison.
pub fn side_color(look: &Look, side: usize) -> Color {
    look.palette.runs[side.min(1)]
}

/// MIR of both sides with every seed, the band in which further seeds are expected, and a run.
///
/// The bands are spots of their sides, by [`Target::Run`]. The figure is as high as it needs, whatever
/// the look says.
pub fn ruler(chart: &Ruler<'_>, look: &Look) -> Figure {
    let contrast = chart.contrast;
    let font = look.font();
    let pointers = chart.pointers();
    // Each has a row for its words, so that none lie over each other.
    let height = (8.2 + 1.6 * pointers.len() as f32) * font;
    let look = &Look {
        size: [look.size[0], height],
        ..*look
    };
    let mut sheet = Sheet::new(look, "Modality Integration Rate of equally long trainings");
    let palette = look.palette;
    let bands = contrast.sides().map(|side| contrast.band(side));
    let seeds = contrast.sides().into_iter().flat_map(|side| &side.seeds);
    let values = (seeds.map(|(_, mir)| *mir))
        .chain(bands.into_iter().flatten())
        .chain(pointers.iter().map(|(_, mir, _)| *mir));
    let Some(axis) = Axis::covering(Scale::Linear, values, false, [0.0, 1.0]) else {
        sheet.instead("no side has a defined Modality Integration Rate");
        return sheet.figure;
    };
    let [width, _] = look.size;
    let axis = axis.between([0.5 * font, (width - 0.5 * font).max(font)]);
    let track = 4.1 * font;
    let line = Stroke::new(2.0, palette.line);
    sheet.line(vec![[0.0, track], [width, track]], line);
    for (index, (side, [low, high])) in contrast.sides().into_iter().zip(bands).enumerate() {
        let color = side_color(look, index);
        let area = Area::between(
            [axis.at(low), axis.at(high)],
            [track - 0.75 * font, track + 0.75 * font],
        );
        sheet.mark(Mark::Rect {
            area,
            radius: 0.75 * font,
            fill: Some(color.faded(0.22)),
            stroke: None,
        });
        // The first seed last, so that it lies on top.
        for (at, (_, mir)) in side.seeds.iter().enumerate().rev() {
            let center = [axis.at(*mir), track];
            sheet.mark(Mark::Circle {
                center,
                radius: if at == 0 { 0.5 } else { 0.32 } * font,
                fill: Some(if at == 0 { color } else { palette.card }),
                stroke: Some(Stroke::new(1.6, color)),
            });
        }
        heading(
            &mut sheet,
            index == 0,
            (SIDES[index], false),
            side.mir(),
            &axis,
            color,
        );
        sheet.figure.spots.push(Spot {
            area: Area::between([area.left(), area.right()], [0.0, track + font]),
            target: Target::Run(index),
            tip: tip(index, side, [low, high]),
        });
    }
    // The lowest row first: what leads down to it goes behind the words above.
    for (row, (name, mir, run)) in pointers.iter().enumerate().rev() {
        pointer(
            &mut sheet,
            name,
            [*mir, f64::from(axis.at(*mir))],
            (row, *run),
            track,
        );
    }
    directions(&mut sheet, axis);
    sheet.figure.summary = summary(chart);
    sheet.figure
}

/// A name and its number over the number's place, kept inside and on its half of the sheet.
pub(super) fn heading(
    sheet: &mut Sheet<'_>,
    is_left: bool,
    (name, strong): (&str, bool),
    mir: f64,
    axis: &Axis,
    color: Color,
) {
    let font = sheet.look.font();
    let width = sheet.size()[0];
    let name = words::fit(name, font, 0.5 * width - font);
    let half = 0.5 * words::width(&name, font).max(words::width("0.000", 1.35 * font));
    let (left, right) = match is_left {
        true => (half, 0.5 * width - half - 0.3 * font),
        false => (0.5 * width + half + 0.3 * font, width - half),
    };
    let x = axis.at(mir).min(right).max(left);
    for (y, size, strong, color, words) in [
        (0.7, 1.0, strong, color, name),
        (2.2, 1.35, true, sheet.look.palette.ink, format!("{mir:.3}")),
    ] {
        sheet.mark(Mark::Text(Text {
            at: [x, y * font],
            anchor: Anchor::Middle,
            size: size * font,
            color,
            strong,
            upward: false,
            words,
        }));
    }
}

/// A triangle under the track that points at a place, with name and number in a row of their own; filled for a
/// run.
fn pointer(
    sheet: &mut Sheet<'_>,
    name: &str,
    [mir, x]: [f64; 2],
    (row, run): (usize, bool),
    track: f32,
) {
    let (font, x) = (sheet.look.font(), x as f32);
    let (ink, card) = (sheet.look.palette.ink, sheet.look.palette.card);
    let width = sheet.size()[0];
    let tip = track + 0.85 * font;
    let y = tip + (1.6 + 1.6 * row as f32) * font;
    if row > 0 {
        let leader = Stroke::new(1.0, sheet.look.palette.faint);
        sheet.line(vec![[x, tip + 0.9 * font], [x, y - 0.7 * font]], leader);
    }
    sheet.mark(Mark::Polygon {
        points: vec![
            [x, tip],
            [x + 0.5 * font, tip + 0.9 * font],
            [x - 0.5 * font, tip + 0.9 * font],
        ],
        fill: Some(if run { ink } else { card }),
        stroke: (!run).then(|| Stroke::new(1.4, ink)),
    });
    let words = words::fit(&format!("{name} {mir:.3}"), font, width);
    let half = 0.5 * words::width(&words, font);
    let at = [x.min(width - half).max(half), y];
    let room = Area::between(
        [at[0] - half, at[0] + half],
        [y - 0.7 * font, y + 0.7 * font],
    );
    sheet.mark(Mark::Rect {
        area: room,
        radius: 2.0,
        fill: Some(card),
        stroke: None,
    });
    sheet.words(at, Anchor::Middle, ink, words);
}

/// Numbers below the track, and what its two ends mean, each with an arrow.
pub(super) fn directions(sheet: &mut Sheet<'_>, axis: Axis) {
    let font = sheet.look.font();
    let palette = sheet.look.palette;
    let [width, height] = sheet.size();
    let area = Area::between([0.0, width], [height - 3.0 * font, height - 2.6 * font]);
    sheet.value_axis(area, axis, "");
    let y = height - 0.6 * font;
    let end = 1.9 * font;
    for (x, towards, anchor, words) in [
        (0.0, 1.0, Anchor::Start, NEARER),
        (width, -1.0, Anchor::End, FARTHER),
    ] {
        let tip = x + towards * 0.2 * font;
        let stroke = Stroke::new(1.6, palette.ink);
        let back = x + towards * (end - 0.4 * font);
        sheet.line(vec![[tip, y], [back, y]], stroke);
        for up in [-0.35, 0.35] {
            let barb = [tip + towards * 0.45 * font, y + up * font];
            sheet.line(vec![[tip, y], barb], stroke);
        }
        sheet.words([x + towards * end, y], anchor, palette.ink, words);
    }
}

fn tip(index: usize, side: &ContrastSide, [low, high]: [f64; 2]) -> String {
    let seeds = side.seeds.iter();
    let seeds: Vec<String> = seeds
        .map(|(seed, mir)| format!("seed {seed}: {mir:.3}"))
        .collect();
    format!(
        "{}\n{}\n19 of 20 further seeds are expected from {low:.3} to {high:.3}",
        SIDES[index],
        seeds.join(", ")
    )
}

fn summary(chart: &Ruler<'_>) -> String {
    let [fitting, shuffled] = chart.contrast.sides().map(ContrastSide::mir);
    let pointers = chart.pointers().into_iter();
    let pointers = pointers.map(|(name, mir, _)| format!(" {name}: {mir:.3}."));
    format!(
        "From {NEARER} to {FARTHER}: {fitting:.3} with {}, {shuffled:.3} with {}.{}",
        SIDES[0],
        SIDES[1],
        pointers.collect::<String>()
    )
}
