//! MIR of each variant against its score.

use super::{
    super::{
        Anchor, Area, Figure, Look, Mark, Scale, Spot, Stroke, Target,
        axis::Axis,
        sheet::{Key, Sheet},
        words,
    },
    StudyPlot, setting_stroke, variant_tip,
};
use crate::study::{Metric, Over, Variant};

/// A variant's place in the plot.
struct Point<'a> {
    index: usize,
    variant: &'a Variant,
    mir: f64,
    score: f64,
}

/// MIR of each variant against the share of held-out questions that it answers, the settings of the
/// axis standing out with their intervals and names; further seeds are hollow and joined to the first.
///
/// Each point is a spot of its variant.
pub fn mir_score(plot: &StudyPlot<'_>, look: &Look) -> Figure {
    let title = match plot.axis {
        Some(axis) => format!("MIR against score: {}", axis.title),
        None => "MIR against score".to_owned(),
    };
    let mut sheet = Sheet::new(look, title);
    let results = plot.results;
    let points: Vec<Point<'_>> = (results.study.variants.iter().enumerate())
        .filter_map(|(index, variant)| {
            Some(Point {
                index,
                variant,
                mir: Metric::Mir.value(results, variant)?,
                score: Metric::Choice.value(results, variant)?,
            })
        })
        .collect();
    let chance = results.study.chance;
    let lines = [
        (chance.uniform, "chance: any answer"),
        (chance.majority, "chance: the most frequent answer"),
    ];
    let scores = points.iter().map(|point| 100.0 * point.score);
    let scores = scores.chain(lines.iter().map(|(share, _)| 100.0 * share));
    // The intervals that are drawn fit in, too.
    let settings = plot.axis.map_or_else(Vec::new, |_| plot.settings());
    let intervals = settings.iter().filter_map(|(_, it)| it.scores.choice);
    let scores = scores.chain(intervals.flat_map(|it| [100.0 * it.low, 100.0 * it.high]));
    let (Some(across), Some(up)) = (
        Axis::covering(
            Scale::Linear,
            points.iter().map(|it| it.mir),
            false,
            [0.0, 1.0],
        ),
        Axis::covering(Scale::Linear, scores, false, [1.0, 0.0]),
    ) else {
        sheet.instead("no setting has both a MIR and a score");
        return sheet.figure;
    };
    let font = look.font();
    let palette = look.palette;
    let top = legend(&mut sheet, plot);
    let (area, up) = sheet.plot(top, up, "held-out questions answered (%)");
    // Marks and words at the edge stay inside.
    let across = across.between([area.left() + 0.5 * font, area.right() - 0.5 * font]);
    sheet.value_axis(area, across, "MIR: lower is nearer to the words");
    let mut taken: Vec<Area> = Vec::new();
    for (index, (share, words)) in lines.into_iter().enumerate() {
        let y = up.at(100.0 * share);
        let stroke = Stroke::new(1.0, palette.faint).dashed(3.0, 4.0);
        sheet.line(vec![[area.left(), y], [area.right(), y]], stroke);
        // Two lines near each other have their words on either side.
        let above = (index == 1) == (lines[1].0 >= lines[0].0);
        let at = [area.right(), y + if above { -0.7 } else { 0.7 } * font];
        faint(&mut sheet, at, Anchor::End, words);
        let width = words::width(words, font);
        taken.push(Area {
            min: [at[0] - width, at[1] - 0.5 * font],
            size: [width, font],
        });
    }
    let place = |point: &Point<'_>| [across.at(point.mir), up.at(100.0 * point.score)];
    let rank = |point: &Point<'_>| {
        let name = point
            .variant
            .replicate_of
            .as_ref()
            .unwrap_or(&point.variant.name);
        settings
            .iter()
            .position(|(_, setting)| setting.name == *name || setting.name == point.variant.name)
    };
    let stands_out = |point: &Point<'_>| plot.axis.is_some() && rank(point).is_some();
    for point in points.iter().filter(|point| !stands_out(point)) {
        let hollow = point.variant.replicate_of.is_some();
        join(
            &mut sheet,
            &points,
            point,
            place,
            Stroke::new(1.0, palette.faint.faded(0.5)),
        );
        let color = palette
            .faint
            .faded(if plot.axis.is_some() { 0.4 } else { 0.85 });
        disc(&mut sheet, place(point), 0.28 * font, color, hollow);
    }
    let ordered = plot.axis.is_some_and(|axis| axis.ordered);
    if ordered {
        let in_order = settings
            .iter()
            .filter_map(|(index, _)| points.iter().find(|point| point.index == *index).map(place));
        let way: Vec<[f32; 2]> = in_order.collect();
        if way.len() > 1 {
            sheet.line(way, Stroke::new(1.2, palette.accent.faded(0.45)));
        }
    }
    let chosen: Vec<&Point<'_>> = points.iter().filter(|point| stands_out(point)).collect();
    for point in &chosen {
        let [x, y] = place(point);
        taken.push(Area {
            min: [x - 0.4 * font, y - 0.4 * font],
            size: [0.8 * font; 2],
        });
    }
    for point in &chosen {
        let stroke = setting_stroke(look, ordered, rank(point).unwrap_or(0), settings.len());
        join(
            &mut sheet,
            &points,
            point,
            place,
            Stroke::new(1.2, stroke.color),
        );
        let [x, y] = place(point);
        if let Some(score) = point.variant.scores.choice {
            let end = |share: f64| up.at(100.0 * share).clamp(area.top(), area.bottom());
            let ends = [score.low, score.high].map(end);
            let line = Stroke::new(1.2, stroke.color.faded(0.55));
            sheet.line(ends.map(|end| [x, end]).into(), line);
        }
        let hollow = point.variant.replicate_of.is_some();
        disc(&mut sheet, [x, y], 0.42 * font, stroke.color, hollow);
        if !hollow {
            label(&mut sheet, area, [x, y], &point.variant.label, &mut taken);
        }
    }
    if let Some(point) = points
        .iter()
        .find(|point| plot.selected == Some(point.index))
    {
        sheet.figure.selected = Some(Target::Variant(point.index));
        sheet.mark(Mark::Circle {
            center: place(point),
            radius: 0.75 * font,
            fill: None,
            stroke: Some(Stroke::new(2.0, palette.ink)),
        });
    }
    let mut spots: Vec<&Point<'_>> = points.iter().collect();
    // Of points above each other the one that stands out counts.
    spots.sort_by_key(|point| !stands_out(point));
    for point in spots {
        let [x, y] = place(point);
        let reach = 0.7 * font;
        sheet.figure.spots.push(Spot {
            area: Area {
                min: [x - reach, y - reach],
                size: [2.0 * reach; 2],
            },
            target: Target::Variant(point.index),
            tip: variant_tip(results, point.variant),
        });
    }
    let over = Over::axis(plot.axis);
    let found = results.correlation(&over, &Metric::Mir, &Metric::Choice);
    let rho = found.map_or(String::new(), |found| {
        format!(", Spearman's {}", found.rank.words())
    });
    sheet.figure.summary = format!("MIR with score{rho}.");
    sheet.figure
}

fn legend(sheet: &mut Sheet<'_>, plot: &StudyPlot<'_>) -> f32 {
    let look = sheet.look;
    let (font, palette) = (look.font(), look.palette);
    let color = if plot.axis.is_some() {
        palette.accent
    } else {
        palette.faint
    };
    let mut keys = Vec::new();
    match plot.axis {
        Some(axis) => {
            keys.push((axis.title.as_str(), Key::Dot(color)));
            keys.push(("all other settings", Key::Dot(palette.faint.faded(0.4))));
        }
        None => keys.push(("one setting each", Key::Dot(color))),
    }
    if plot
        .results
        .study
        .variants
        .iter()
        .any(|it| it.replicate_of.is_some())
    {
        keys.push(("the same from another seed", Key::Ring(color)));
    }
    0.8 * font + sheet.legend([0.5 * font, 0.2 * font], keys)
}

/// A line from a further seed's point to the first one's.
fn join(
    sheet: &mut Sheet<'_>,
    points: &[Point<'_>],
    point: &Point<'_>,
    place: impl Fn(&Point<'_>) -> [f32; 2],
    stroke: Stroke,
) {
    let Some(first) = &point.variant.replicate_of else {
        return;
    };
    if let Some(first) = points.iter().find(|other| other.variant.name == *first) {
        sheet.line(vec![place(first), place(point)], stroke);
    }
}

/// A point; a hollow one has the card's color inside.
fn disc(
    sheet: &mut Sheet<'_>,
    center: [f32; 2],
    radius: f32,
    color: super::super::Color,
    hollow: bool,
) {
    let card = sheet.look.palette.card;
    sheet.mark(Mark::Circle {
        center,
        radius: if hollow { radius - 0.8 } else { radius },
        fill: Some(if hollow { card } else { color }),
        stroke: hollow.then(|| Stroke::new(1.6, color)),
    });
}

/// Writes a point's name beside it where there is room; nothing where there is none.
fn label(sheet: &mut Sheet<'_>, area: Area, [x, y]: [f32; 2], name: &str, taken: &mut Vec<Area>) {
    let size = sheet.look.font();
    let name = words::fit(name, size, 13.0 * size);
    let width = words::width(&name, size);
    let gap = 0.95 * size;
    let beside = [
        ([x + gap, y], Anchor::Start),
        ([x - gap, y], Anchor::End),
        ([x, y - 1.15 * size], Anchor::Middle),
        ([x, y + 1.15 * size], Anchor::Middle),
        ([x + gap, y - 0.9 * size], Anchor::Start),
        ([x + gap, y + 0.9 * size], Anchor::Start),
        ([x - gap, y - 0.9 * size], Anchor::End),
        ([x - gap, y + 0.9 * size], Anchor::End),
    ];
    for (at, anchor) in beside {
        let left = match anchor {
            Anchor::Start => at[0],
            Anchor::Middle => at[0] - 0.5 * width,
            Anchor::End => at[0] - width,
        };
        let room = Area {
            min: [left, at[1] - 0.6 * size],
            size: [width, 1.2 * size],
        };
        let inside = room.left() >= area.left()
            && room.right() <= area.right() + 0.5 * size
            && room.top() >= area.top() - size
            && room.bottom() <= area.bottom();
        let own = |other: &Area| other.contains([x, y]);
        if inside
            && !taken
                .iter()
                .any(|other| !own(other) && overlap(other, &room))
        {
            taken.push(room);
            let color = sheet.look.palette.ink;
            sheet.words(at, anchor, color, name);
            return;
        }
    }
}

fn overlap(one: &Area, other: &Area) -> bool {
    one.left() < other.right()
        && other.left() < one.right()
        && one.top() < other.bottom()
        && other.top() < one.bottom()
}

/// Faint words.
pub(super) fn faint(sheet: &mut Sheet<'_>, at: [f32; 2], anchor: Anchor, words: &str) {
    sheet.words(at, anchor, sheet.look.palette.faint, words);
}
