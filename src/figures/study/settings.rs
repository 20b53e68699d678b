//! The settings of an axis side by side: MIR, score, loss and perplexity under each other.

use super::{
    super::{
        Anchor, Color, Figure, Look, Mark, Scale, Spot, Stroke, Target, Text,
        axis::Axis,
        sheet::{Columns, Key, Sheet},
        words,
    },
    StudyPlot,
    scatter::faint,
    variant_tip,
};
use crate::study::{Metric, Variant};

/// Panels, first to last, and their shares of the height.
const PANELS: [(Metric, f32); 4] = [
    (Metric::Mir, 1.0),
    (Metric::Choice, 1.3),
    (Metric::CaptionLoss, 0.9),
    (Metric::TextPerplexity, 0.9),
];

/// Panels below MIR where the settings are steps of one training: what goes along with it.
const ALONG: [(Metric, f32); 2] = [(Metric::NormMatchedMir, 0.9), (Metric::NormRatio, 0.9)];

/// Most room below the last panel for the settings' names, in lines.
const MOST_BELOW: f32 = 9.0;

/// Most lines of a setting's name.
const LINES: usize = 3;

/// MIR, score, caption loss and perplexity of text at the settings of the plot's axis, one column a
/// setting; further seeds are hollow, the score has its interval, chance and the blanked image. Steps of
/// one training have norm-matched MIR and norm ratio, too, and make the figure higher than the look says.
///
/// Each column is a spot of its setting's first seed. Panels without a value are left out.
pub fn settings_plot(plot: &StudyPlot<'_>, look: &Look) -> Figure {
    let settings = plot.settings();
    let title = match plot.axis {
        Some(axis) => format!("{}: MIR, score and losses", axis.title),
        None => "MIR, score and losses of all settings".to_owned(),
    };
    let there = |metric: &Metric| {
        let mut variants = settings.iter();
        variants.any(|(_, variant)| metric.value(plot.results, variant).is_some())
    };
    let panels = PANELS.into_iter().filter(|(metric, _)| there(metric));
    let mut panels: Vec<(Metric, f32)> = panels.collect();
    let font = look.font();
    let all: f32 = panels.iter().map(|(_, share)| share).sum();
    let pretraining = plot.results.study.pretraining();
    if plot.axis.is_some() && plot.axis == pretraining {
        let along = ALONG.into_iter().filter(|(metric, _)| there(metric));
        panels.splice(1.min(panels.len())..1.min(panels.len()), along);
    }
    // The widest numbers decide where all panels begin.
    let left = look.left.max(5.4 * font);
    let column = (look.size[0] - left - font) / settings.len().max(1) as f32;
    let labels = settings.iter().map(|(_, variant)| &variant.label);
    let names = labels
        .map(|label| Name::new(label, font, column).lines())
        .fold(0.0, f32::max);
    let room = (look.size[1] - names * font) / all.max(1.0);
    let count = panels.len();
    let figures = panels.iter().enumerate().map(|(index, (metric, share))| {
        let names = (index + 1 == count).then_some(names);
        let height = share * room + names.unwrap_or(0.0) * font;
        let look = Look {
            size: [look.size[0], height],
            left,
            ..*look
        };
        panel(plot, &settings, metric, names, &look)
    });
    match Figure::stacked(title.clone(), figures.collect()) {
        Some(figure) => figure,
        None => {
            let mut sheet = Sheet::new(look, title);
            sheet.instead("no setting of this axis was measured");
            sheet.figure
        }
    }
}

fn panel(
    plot: &StudyPlot<'_>,
    settings: &[(usize, &Variant)],
    metric: &Metric,
    names: Option<f32>,
    look: &Look,
) -> Figure {
    let results = plot.results;
    let mut sheet = Sheet::new(look, metric.title());
    let font = look.font();
    let palette = look.palette;
    let shares = metric.is_share();
    let factor = if shares { 100.0 } else { 1.0 };
    let value = |variant: &Variant| metric.value(results, variant).map(|it| it * factor);
    let chance = results.study.chance.best();
    let blank = |variant: &Variant| {
        Metric::ChoiceBlank
            .value(results, variant)
            .map(|it| it * factor)
    };
    let mut values: Vec<f64> = Vec::new();
    for (_, variant) in settings {
        values.extend(value(variant));
        values.extend(
            plot.replicates(variant)
                .iter()
                .filter_map(|(_, it)| value(it)),
        );
        if shares {
            values.extend(blank(variant));
            let score = metric.score(variant);
            values.extend(
                score
                    .iter()
                    .flat_map(|it| [it.low * factor, it.high * factor]),
            );
        }
    }
    if shares {
        values.push(chance * factor);
    } else if let Some(first) = values.first().copied() {
        // Values that hardly differ are not spread over the whole height.
        values.extend([0.98, 1.02].map(|factor| factor * first));
    }
    let Some(axis) = Axis::covering(Scale::Linear, values, false, [1.0, 0.0]) else {
        sheet.instead("nothing was measured");
        return sheet.figure;
    };
    let mut top = 0.7 * font;
    if shares {
        let keys = [
            ("score", Key::Dot(palette.accent)),
            ("image blanked", Key::Ring(palette.text)),
            (
                "chance",
                Key::Line(Stroke::new(1.0, palette.faint).dashed(3.0, 4.0)),
            ),
        ];
        top += sheet.legend([look.left, 0.0], keys);
    }
    let title = if shares {
        format!("{} (%)", metric.title())
    } else {
        metric.title()
    };
    // A plot leaves room for a title below it, of which there is none: only names, below the last panel.
    let below = 2.2 - names.unwrap_or(0.0);
    let height = (look.size[1] + below * font).max(5.0 * font);
    let inner = Look {
        size: [look.size[0], height],
        ..*look
    };
    let mut part = Sheet::new(&inner, "");
    let (area, axis) = part.plot(top, axis, &title);
    sheet.figure.marks.extend(part.figure.marks);
    let columns = Columns::new(area, settings.len());
    let chosen = settings
        .iter()
        .position(|(index, _)| plot.selected == Some(*index));
    if let Some(chosen) = chosen {
        sheet.figure.selected = plot.selected.map(Target::Variant);
        sheet.bar(columns.column(chosen), palette.accent.faded(0.14));
    }
    if shares {
        let y = axis.at(chance * factor);
        let stroke = Stroke::new(1.0, palette.faint).dashed(3.0, 4.0);
        sheet.line(vec![[area.left(), y], [area.right(), y]], stroke);
    }
    if plot.axis.is_some_and(|axis| axis.ordered) {
        let way: Vec<[f32; 2]> = (settings.iter().enumerate())
            .filter_map(|(column, (_, it))| Some([columns.middle(column), axis.at(value(it)?)]))
            .collect();
        if way.len() > 1 {
            sheet.line(way, Stroke::new(2.0, palette.accent.faded(0.6)));
        }
    }
    let radius = (0.3 * columns.width()).clamp(2.0, 0.4 * font);
    for (column, (index, variant)) in settings.iter().enumerate() {
        let x = columns.middle(column);
        if let Some(score) = metric.score(variant).filter(|_| shares) {
            let ends = [score.low, score.high].map(|share| [x, axis.at(share * factor)]);
            sheet.line(ends.into(), Stroke::new(1.2, palette.accent.faded(0.6)));
        }
        let replicates = plot.replicates(variant);
        let seeds: Vec<f64> = replicates.iter().filter_map(|(_, it)| value(it)).collect();
        if let Some(first) = value(variant) {
            let at = [x, axis.at(first)];
            for seed in &seeds {
                let other = [x, axis.at(*seed)];
                sheet.line(vec![at, other], Stroke::new(1.0, palette.accent));
            }
            for seed in &seeds {
                ring(&mut sheet, [x, axis.at(*seed)], radius, palette.accent);
            }
            sheet.disc(at, radius, palette.accent);
        }
        // Above the score: at chance both lie at one place.
        if let Some(blank) = blank(variant).filter(|_| shares) {
            ring(&mut sheet, [x, axis.at(blank)], 0.75 * radius, palette.text);
        }
        if names.is_some() {
            name(&mut sheet, &columns, column, &variant.label);
        }
        sheet.figure.spots.push(Spot {
            area: columns.column(column),
            target: Target::Variant(*index),
            tip: variant_tip(results, variant),
        });
    }
    if settings.is_empty() {
        let middle = [
            (area.left() + area.right()) / 2.0,
            (area.top() + area.bottom()) / 2.0,
        ];
        faint(&mut sheet, middle, Anchor::Middle, "no settings");
    }
    sheet.figure.summary = summary(plot, settings, metric);
    sheet.figure
}

fn ring(sheet: &mut Sheet<'_>, center: [f32; 2], radius: f32, color: Color) {
    let card = sheet.look.palette.card;
    sheet.mark(Mark::Circle {
        center,
        radius: (radius - 0.8).max(1.0),
        fill: Some(card),
        stroke: Some(Stroke::new(1.6, color)),
    });
}

/// How a setting's name stands below its column.
enum Name {
    /// In lines, last one cut off where there are too many.
    Level(Vec<String>),
    /// Upward, where columns are narrow.
    Upward(String),
}

impl Name {
    /// The name in a font of `font` points below a column of `width`.
    fn new(label: &str, font: f32, width: f32) -> Self {
        let room = width - 0.4 * font;
        let mut lines = words::wrap(label, font, room);
        let fits =
            lines.len() <= LINES && lines.iter().all(|line| words::width(line, font) <= room);
        if !fits && room < 4.5 * font {
            return Self::Upward(words::fit(label, font, (MOST_BELOW - 1.0) * font));
        }
        let last = lines.split_off(lines.len().min(LINES - 1)).join(" ");
        lines.push(last);
        lines.retain(|line| !line.is_empty());
        Self::Level(
            lines
                .iter()
                .map(|line| words::fit(line, font, room))
                .collect(),
        )
    }

    /// The room that it takes, in lines of the plot's font.
    fn lines(&self) -> f32 {
        match self {
            Self::Level(lines) => 0.2 + 1.15 * lines.len() as f32,
            Self::Upward(words) => 0.2 + words::width(words, 1.0),
        }
    }
}

/// Writes a setting's name below its column.
fn name(sheet: &mut Sheet<'_>, columns: &Columns, column: usize, label: &str) {
    let look = sheet.look;
    let size = look.font();
    let color = look.palette.faint;
    let (x, top) = (columns.middle(column), columns.area.bottom());
    let mut write = |at, anchor, upward, words| {
        sheet.mark(Mark::Text(Text {
            at,
            anchor,
            size,
            color,
            strong: false,
            upward,
            words,
        }));
    };
    match Name::new(label, look.font(), columns.width()) {
        Name::Level(lines) => {
            for (index, line) in lines.into_iter().enumerate() {
                let at = [x, top + (0.9 + 1.15 * index as f32) * size];
                write(at, Anchor::Middle, false, line);
            }
        }
        Name::Upward(words) if columns.width() >= size => {
            write([x, top + 0.4 * size], Anchor::End, true, words);
        }
        // Names that would lie on each other tell nothing; pointing at a column does.
        Name::Upward(_) => {}
    }
}

fn summary(plot: &StudyPlot<'_>, settings: &[(usize, &Variant)], metric: &Metric) -> String {
    let known = settings.iter().filter_map(|(_, variant)| {
        let value = metric.value(plot.results, variant)?;
        Some(format!("{} {}", variant.label, metric.text(value)))
    });
    let known: Vec<String> = known.collect();
    format!("{}: {}.", metric.title(), known.join(", "))
}
