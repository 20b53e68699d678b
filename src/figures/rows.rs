//! Settings under each other, each with its number: small charts that stand beside each other.

use super::{
    Anchor, Area, Color, Figure, Look, Mark, Scale, Spot, Stroke, Target, Text, axis::Axis,
    sheet::Sheet, words,
};

/// A row of [`rows`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What is set.
    pub label: String,
    /// Its number.
    pub value: f64,
    /// The number as it is written.
    pub text: String,
    /// The same from other seeds.
    pub seeds: Vec<f64>,
    /// What a click on it chooses, and what to say about it.
    pub target: Option<(Target, String)>,
}

/// A number of several settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// What the number is.
    pub title: String,
    /// The settings, first to last.
    pub rows: Vec<Row>,
    /// Whether they have an order, so that a line leads from each to the next.
    pub ordered: bool,
    /// Below this a difference to the first setting is noise.
    pub noise: Option<f64>,
    /// A value that stands for itself, with its name: chance.
    pub line: Option<(f64, String)>,
    /// Whether it was measured here; what papers give is drawn in the color of words.
    pub ours: bool,
}

/// Share of the width for the settings' names.
const NAMES: f32 = 0.42;
/// Most lines of a name.
const LINES: usize = 3;
/// Height of a line of a name, in lines of the plot's font.
const LINE: f32 = 1.2;
/// Height that a row has beyond its name.
const BETWEEN: f32 = 0.35;

/// Panels under each other, each with its settings as rows: a name, a disc at its number with rings for other
/// seeds, and the number. A band reaches as far from the first setting as noise does. The figure is as high as it
/// needs, whatever the look says.
pub fn rows(title: &str, panels: &[Rows], look: &Look) -> Figure {
    let drawn = panels.iter().map(|panel| one(panel, look)).collect();
    let Some(mut figure) = Figure::stacked(title.to_owned(), drawn) else {
        let mut sheet = Sheet::new(look, title);
        sheet.instead("nothing was measured");
        return sheet.figure;
    };
    let parts = panels.iter().map(summary);
    figure.summary = parts.collect::<Vec<String>>().join(" ");
    figure
}

fn summary(panel: &Rows) -> String {
    let all = panel.rows.iter();
    let all: Vec<String> = all
        .map(|row| format!("{} {}", row.label, row.text))
        .collect();
    format!("{}: {}.", panel.title, all.join(", "))
}

fn one(panel: &Rows, look: &Look) -> Figure {
    let font = look.font();
    let palette = look.palette;
    let width = look.size[0];
    if panel.rows.is_empty() {
        let mut sheet = Sheet::new(look, panel.title.clone());
        sheet.figure.size[1] = 3.0 * font;
        let at = [0.5 * width, 1.5 * font];
        sheet.words(at, Anchor::Middle, palette.faint, "nothing was measured");
        return sheet.figure;
    }
    let names = NAMES * width - 0.6 * font;
    let lines: Vec<Vec<String>> = panel
        .rows
        .iter()
        .map(|row| name(&row.label, font, names))
        .collect();
    let heights = lines
        .iter()
        .map(|lines| (LINE * lines.len() as f32 + BETWEEN) * font);
    let heights: Vec<f32> = heights.collect();
    let titles = words::wrap(&panel.title, font, width);
    let top = (0.45 + 1.25 * titles.len() as f32) * font;
    let below = if panel.line.is_some() {
        1.3 * font
    } else {
        0.0
    };
    let bottom = top + heights.iter().sum::<f32>();
    let look = &Look {
        size: [width, bottom + below + 0.5 * font],
        ..*look
    };
    let mut sheet = Sheet::new(look, panel.title.clone());
    for (index, line) in titles.into_iter().enumerate() {
        sheet.mark(Mark::Text(Text {
            at: [0.0, (0.75 + 1.25 * index as f32) * font],
            anchor: Anchor::Start,
            size: font,
            color: palette.ink,
            strong: true,
            upward: false,
            words: line,
        }));
    }
    let numbers = panel.rows.iter().map(|row| words::width(&row.text, font));
    let numbers = numbers.fold(0.0, f32::max) + 0.5 * font;
    let color = if panel.ours {
        palette.accent
    } else {
        palette.ink
    };
    let first = panel.rows.first().map(|row| row.value);
    let band = panel.noise.zip(first);
    let values = panel.rows.iter();
    let values = values.flat_map(|row| row.seeds.iter().copied().chain([row.value]));
    let values = values
        .chain(panel.line.iter().map(|(value, _)| *value))
        .chain(
            band.iter()
                .flat_map(|(noise, first)| [first - noise, first + noise]),
        );
    let Some(axis) = Axis::covering(Scale::Linear, values, false, [0.0, 1.0]) else {
        sheet.instead("nothing was measured");
        return sheet.figure;
    };
    let [left, right] = [NAMES * width, (width - numbers).max(NAMES * width + font)];
    let axis = axis.between([left + 0.5 * font, right - 0.5 * font]);
    if let Some((noise, first)) = band {
        let edges = [axis.at(first - noise), axis.at(first + noise)];
        sheet.bar(Area::between(edges, [top, bottom]), color.faded(0.13));
    }
    if let Some((value, words)) = &panel.line {
        let x = axis.at(*value);
        let stroke = Stroke::new(1.0, palette.faint).dashed(3.0, 4.0);
        sheet.line(vec![[x, top], [x, bottom + 0.2 * font]], stroke);
        let half = 0.5 * words::width(words, font);
        let at = [x.min(width - half).max(half), bottom + 0.85 * font];
        sheet.words(at, Anchor::Middle, palette.faint, words.clone());
    }
    let mut y = top;
    let mut way = Vec::new();
    let mut places = Vec::new();
    for height in &heights {
        places.push(y + 0.5 * height);
        y += height;
    }
    for (row, y) in panel.rows.iter().zip(&places) {
        let track = Stroke::new(1.0, palette.line);
        sheet.line(vec![[left, *y], [right, *y]], track);
        way.push([axis.at(row.value), *y]);
    }
    if panel.ordered && way.len() > 1 {
        sheet.line(way, Stroke::new(1.4, color.faded(0.5)));
    }
    for (((row, lines), y), height) in panel.rows.iter().zip(lines).zip(&places).zip(&heights) {
        draw(&mut sheet, row, &axis, *y, color);
        let above = 0.5 * LINE * (lines.len() as f32 - 1.0) * font;
        for (index, line) in lines.into_iter().enumerate() {
            let at = [0.0, y - above + LINE * index as f32 * font];
            sheet.words(at, Anchor::Start, palette.faint, line);
        }
        sheet.words([width, *y], Anchor::End, palette.ink, row.text.clone());
        if let Some((target, tip)) = &row.target {
            sheet.figure.spots.push(Spot {
                area: Area::between([0.0, width], [y - 0.5 * height, y + 0.5 * height]),
                target: *target,
                tip: tip.clone(),
            });
        }
    }
    sheet.figure
}

fn draw(sheet: &mut Sheet<'_>, row: &Row, axis: &Axis, y: f32, color: Color) {
    let font = sheet.look.font();
    let card = sheet.look.palette.card;
    for seed in &row.seeds {
        sheet.mark(Mark::Circle {
            center: [axis.at(*seed), y],
            radius: 0.26 * font,
            fill: Some(card),
            stroke: Some(Stroke::new(1.4, color)),
        });
    }
    sheet.disc([axis.at(row.value), y], 0.36 * font, color);
}

/// A setting's name in lines, the last one cut off where there are too many.
fn name(label: &str, font: f32, room: f32) -> Vec<String> {
    let mut lines = words::wrap(label, font, room);
    let last = lines.split_off(lines.len().min(LINES - 1)).join(" ");
    lines.push(last);
    lines.retain(|line| !line.is_empty());
    lines
        .iter()
        .map(|line| words::fit(line, font, room))
        .collect()
}

/// A point of [`points`].
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// What it is.
    pub label: String,
    /// Across and up.
    pub at: [f64; 2],
    /// Of what kind, by its place among the kinds.
    pub kind: usize,
    /// What a click on it chooses.
    pub target: Option<Target>,
}

/// Two numbers of several settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// What is shown.
    pub title: String,
    /// The number across and the number up.
    pub axes: [String; 2],
    /// The settings.
    pub points: Vec<Point>,
    /// Names of the kinds; none where there is one.
    pub kinds: Vec<String>,
    /// A value of the number up that stands for itself, with its name: chance.
    pub line: Option<(f64, String)>,
}

/// One number against another one, a point a setting; the first kind as discs, the others as rings in colors of
/// their own.
pub fn points(chart: &Points, look: &Look) -> Figure {
    let mut sheet = Sheet::new(look, chart.title.clone());
    let font = look.font();
    let palette = look.palette;
    let all = || chart.points.iter();
    let ups = all().map(|point| point.at[1]);
    let ups = ups.chain(chart.line.iter().map(|(value, _)| *value));
    let across = all().map(|point| point.at[0]);
    let (Some(across), Some(up)) = (
        Axis::covering(Scale::Linear, across, false, [0.0, 1.0]),
        Axis::covering(Scale::Linear, ups, false, [1.0, 0.0]),
    ) else {
        sheet.instead("nothing was measured");
        return sheet.figure;
    };
    let color = |kind: usize| match kind {
        0 => palette.accent,
        1 => palette.alarm,
        _ => palette.faint,
    };
    let keys = chart.kinds.iter().enumerate();
    let keys = keys.map(|(kind, name)| {
        let key = match kind {
            0 => super::sheet::Key::Dot(color(kind)),
            _ => super::sheet::Key::Ring(color(kind)),
        };
        (name.as_str(), key)
    });
    let top = 0.7 * font + sheet.legend([0.0, 0.0], keys);
    let (area, up) = sheet.plot(top, up, &chart.axes[1]);
    let across = across.between([area.left() + 0.5 * font, area.right() - 0.5 * font]);
    sheet.value_axis(area, across, &chart.axes[0]);
    if let Some((value, words)) = &chart.line {
        let y = up.at(*value);
        let stroke = Stroke::new(1.0, palette.faint).dashed(3.0, 4.0);
        sheet.line(vec![[area.left(), y], [area.right(), y]], stroke);
        let at = [area.right(), y + 0.7 * font];
        sheet.words(at, Anchor::End, palette.faint, words.clone());
    }
    for point in all() {
        let center = [across.at(point.at[0]), up.at(point.at[1])];
        match point.kind {
            0 => sheet.disc(center, 0.34 * font, color(0).faded(0.8)),
            kind => sheet.mark(Mark::Circle {
                center,
                radius: 0.34 * font,
                fill: Some(palette.card),
                stroke: Some(Stroke::new(1.8, color(kind))),
            }),
        }
        if let Some(target) = point.target {
            sheet.figure.spots.push(Spot {
                area: Area {
                    min: center.map(|place| place - 0.5 * font),
                    size: [font; 2],
                },
                target,
                tip: point.label.clone(),
            });
        }
    }
    sheet.figure.summary = format!(
        "{} settings: {} against {}.",
        chart.points.len(),
        chart.axes[1],
        chart.axes[0]
    );
    sheet.figure
}
