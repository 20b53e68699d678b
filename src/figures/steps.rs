//! One training step by step: its rate and the length of its vision tokens, and the rate against the answers.

use super::{
    Anchor, Area, Color, Figure, Look, Mark, Scale, Spot, Stroke, Target, axis::Axis, sheet::Sheet,
    words,
};
use crate::{report::format_count, study::TrainingStep};

/// What [`step_lines`] and [`step_path`] show.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// The steps, first to last.
    pub steps: &'a [TrainingStep],
    /// The place between the steps that is shown: 0 is the first, 1.5 half-way from the second to the third.
    pub at: f64,
}

impl Steps<'_> {
    /// A value at the place that is shown, on straight lines between the steps.
    fn value(&self, of: impl Fn(&TrainingStep) -> f64) -> Option<f64> {
        let last = self.steps.len().checked_sub(1)?;
        let at = self.at.clamp(0.0, last as f64);
        let from = at.floor() as usize;
        let share = at - from as f64;
        let [from, to] = [from, (from + 1).min(last)].map(|step| of(&self.steps[step]));
        Some(from + share * (to - from))
    }

    /// The step next to the place that is shown.
    fn nearest(&self) -> usize {
        let last = self.steps.len().saturating_sub(1);
        (self.at.max(0.0).round() as usize).min(last)
    }
}

/// One line of [`step_lines`].
struct Line<'a> {
    title: &'a str,
    color: Color,
    of: fn(&TrainingStep) -> f64,
}

/// MIR along the training, and below it the length of its vision tokens, over the same steps.
///
/// Each step is a spot, by [`Target::Run`].
pub fn step_lines(chart: &Steps<'_>, look: &Look) -> Figure {
    let mut sheet = Sheet::new(look, "Along one training");
    if chart.steps.len() < 2 {
        sheet.instead("expected two steps at least");
        return sheet.figure;
    }
    let font = look.font();
    let palette = look.palette;
    let [width, height] = look.size;
    let left = look.left.max(2.4 * font + words::width("0.00", font));
    let right = (width - 1.6 * font).max(left + font);
    let bottom = (height - 3.4 * font).max(6.0 * font);
    let half = 0.5 * (bottom - 0.4 * font);
    let lines = [
        Line {
            title: "MIR",
            color: palette.accent,
            of: |step| step.mir,
        },
        Line {
            title: "length of vision tokens (words: 1)",
            color: palette.vision,
            of: |step| step.norm_ratio,
        },
    ];
    let last = chart.steps.len() - 1;
    let x = |step: f64| left + (step / last as f64) as f32 * (right - left);
    let here = x(chart.at.clamp(0.0, last as f64));
    for (row, line) in lines.iter().enumerate() {
        let top = 0.4 * font + half * row as f32;
        let area = Area::between([left, right], [top + 2.0 * font, top + half - 0.7 * font]);
        let at = [left, top + 0.8 * font];
        sheet.words(at, Anchor::Start, line.color, line.title);
        sheet.line(
            vec![[here, area.top()], [here, area.bottom()]],
            Stroke::new(1.4, palette.ink).dashed(3.0, 3.0),
        );
        plot_line(&mut sheet, chart, line, area, (&x, here));
    }
    let mut free = 0.0;
    for (index, step) in chart.steps.iter().enumerate() {
        let label = short(step.samples);
        let half = 0.5 * words::width(&label, font);
        let at = x(index as f64);
        // The last one is always named.
        let room = x(last as f64) - words::width(&short(chart.steps[last].samples), font) - half;
        if at - half >= free && (index == last || at + half < room) {
            free = at + half + 0.5 * font;
            let color = match index == chart.nearest() {
                true => palette.ink,
                false => palette.faint,
            };
            sheet.words([at, bottom + 0.9 * font], Anchor::Middle, color, label);
        }
    }
    let middle = [0.5 * (left + right), bottom + 2.4 * font];
    sheet.words(
        middle,
        Anchor::Middle,
        palette.faint,
        "image-text pairs seen",
    );
    let column = (right - left) / last as f32;
    for (index, step) in chart.steps.iter().enumerate() {
        let at = x(index as f64);
        sheet.figure.spots.push(Spot {
            area: Area::between([at - 0.5 * column, at + 0.5 * column], [0.0, bottom]),
            target: Target::Run(index),
            tip: tip(step),
        });
    }
    sheet.figure.selected = Some(Target::Run(chart.nearest()));
    sheet.figure.summary = summary(chart);
    sheet.figure
}

/// A line over the steps with its ends' and its lowest value written beside it.
fn plot_line(
    sheet: &mut Sheet<'_>,
    chart: &Steps<'_>,
    line: &Line<'_>,
    area: Area,
    (x, here): (&impl Fn(f64) -> f32, f32),
) {
    let font = sheet.look.font();
    let palette = sheet.look.palette;
    let values = || chart.steps.iter().map(line.of);
    let Some(axis) = Axis::covering(Scale::Linear, values(), false, [area.bottom(), area.top()])
    else {
        return;
    };
    for tick in axis.ticks(3) {
        let y = axis.at(tick.value);
        let grid = Stroke::new(1.0, palette.line);
        sheet.line(vec![[area.left(), y], [area.right(), y]], grid);
        let at = [area.left() - 0.6 * font, y];
        sheet.words(at, Anchor::End, palette.faint, tick.label);
    }
    let points: Vec<[f32; 2]> = (values().enumerate())
        .map(|(step, value)| [x(step as f64), axis.at(value)])
        .collect();
    sheet.line(points.clone(), Stroke::new(2.2, line.color));
    for point in points {
        sheet.disc(point, 0.26 * font, line.color);
    }
    if let Some(value) = chart.value(line.of) {
        sheet.mark(Mark::Circle {
            center: [here, axis.at(value)],
            radius: 0.5 * font,
            fill: Some(line.color),
            stroke: Some(Stroke::new(2.0, palette.card)),
        });
    }
}

/// The training's way through the plane of MIR and right answers.
///
/// Each step is a spot, by [`Target::Run`].
pub fn step_path(chart: &Steps<'_>, look: &Look) -> Figure {
    let mut sheet = Sheet::new(look, "MIR against right answers along one training");
    let percent = |step: &TrainingStep| 100.0 * step.answered.value;
    let rates = chart.steps.iter().map(|step| step.mir);
    let (Some(across), Some(up)) = (
        Axis::covering(Scale::Linear, rates, false, [0.0, 1.0]),
        Axis::covering(
            Scale::Linear,
            chart.steps.iter().map(percent).chain([0.0, 100.0]),
            false,
            [1.0, 0.0],
        ),
    ) else {
        sheet.instead("no step has both a MIR and a score");
        return sheet.figure;
    };
    let font = look.font();
    let palette = look.palette;
    let (area, up) = sheet.plot(0.8 * font, up, "right answers (%)");
    let across = across.between([area.left() + 0.8 * font, area.right() - 0.8 * font]);
    sheet.value_axis(area, across, "MIR: lower is nearer to the words");
    let place = |mir: f64, score: f64| [across.at(mir), up.at(score)];
    let points: Vec<[f32; 2]> = (chart.steps.iter())
        .map(|step| place(step.mir, percent(step)))
        .collect();
    sheet.line(points.clone(), Stroke::new(1.6, palette.accent.faded(0.5)));
    for point in &points {
        sheet.disc(*point, 0.28 * font, palette.accent);
    }
    for (index, words) in [(0, "start"), (points.len() - 1, "end")] {
        let at = [points[index][0], points[index][1] + 1.1 * font];
        sheet.words(at, Anchor::Middle, palette.faint, words);
    }
    if let (Some(mir), Some(score)) = (chart.value(|step| step.mir), chart.value(percent)) {
        sheet.mark(Mark::Circle {
            center: place(mir, score),
            radius: 0.55 * font,
            fill: Some(palette.accent),
            stroke: Some(Stroke::new(2.0, palette.card)),
        });
    }
    for (index, point) in points.iter().enumerate() {
        let reach = 0.8 * font;
        sheet.figure.spots.push(Spot {
            area: Area::between(
                [point[0] - reach, point[0] + reach],
                [point[1] - reach, point[1] + reach],
            ),
            target: Target::Run(index),
            tip: tip(&chart.steps[index]),
        });
    }
    sheet.figure.selected = Some(Target::Run(chart.nearest()));
    sheet.figure.summary = summary(chart);
    sheet.figure
}

/// `32k` for 32,000.
fn short(samples: u64) -> String {
    match samples {
        0..1000 => samples.to_string(),
        _ if samples.is_multiple_of(1000) => format!("{}k", samples / 1000),
        _ => format!("{:.1}k", samples as f64 / 1000.0).replace(".0k", "k"),
    }
}

fn tip(step: &TrainingStep) -> String {
    format!(
        "after {} pairs\nMIR {:.3}, {:.0} % right answers\nvision tokens {:.2} times as long as words",
        format_count(step.samples),
        step.mir,
        100.0 * step.answered.value,
        step.norm_ratio
    )
}

fn summary(chart: &Steps<'_>) -> String {
    match chart.steps.get(chart.nearest()) {
        Some(step) => format!("{}.", tip(step).replace('\n', ": ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{figures::Palette, study::Score};

    fn steps() -> Vec<TrainingStep> {
        let step = |samples: u64, mir: f64, norm_ratio: f64, value: f64| TrainingStep {
            folder: String::new(),
            label: format!("{samples} pairs"),
            samples,
            mir,
            norm_matched: None,
            norm_ratio,
            answered: Score {
                value,
                low: value,
                high: value,
            },
            answers: Vec::new(),
        };
        vec![
            step(0, 0.7, 0.7, 0.2),
            step(992, 0.6, 0.5, 0.4),
            step(32_000, 0.8, 1.2, 0.8),
        ]
    }

    /// The middle of the largest disc.
    fn here(figure: &Figure) -> Vec<[f32; 2]> {
        let circles = figure.marks.iter().filter_map(|mark| match mark {
            Mark::Circle {
                center,
                stroke: Some(_),
                ..
            } => Some(*center),
            _ => None,
        });
        circles.collect()
    }

    #[test]
    fn the_place_lies_between_its_steps() {
        let steps = steps();
        let look = Look::new(Palette::LIGHT, [420.0, 300.0]);
        let path = |at: f64| here(&step_path(&Steps { steps: &steps, at }, &look))[0];
        let lines = |at: f64| here(&step_lines(&Steps { steps: &steps, at }, &look));
        let ([x0, y0], [x1, y1], [x2, y2]) = (path(0.0), path(1.0), path(2.0));
        assert!(x1 < x0 && x0 < x2 && y1 < y0 && y2 < y1);
        let middle = path(1.5);
        assert!((middle[0] - 0.5 * (x1 + x2)).abs() < 0.01);
        assert!((middle[1] - 0.5 * (y1 + y2)).abs() < 0.01);
        // Both lines fall and rise with the training.
        for line in 0..2 {
            let at = [0.0, 1.0, 2.0].map(|at| lines(at)[line]);
            assert!(at[0][0] < at[1][0] && at[1][0] < at[2][0]);
            assert!(at[1][1] > at[0][1] && at[2][1] < at[0][1], "line {line}");
        }
        // A place beyond the ends is at the ends.
        assert_eq!(path(9.0), path(2.0));
    }

    #[test]
    fn each_step_can_be_chosen() {
        let steps = steps();
        for width in [320.0, 900.0] {
            let look = Look::new(Palette::DARK, [width, 320.0]);
            let chart = Steps {
                steps: &steps,
                at: 1.2,
            };
            for figure in [step_lines(&chart, &look), step_path(&chart, &look)] {
                let targets: Vec<Target> = figure.spots.iter().map(|spot| spot.target).collect();
                assert_eq!(targets, [0, 1, 2].map(Target::Run));
                assert_eq!(figure.selected, Some(Target::Run(1)));
                assert!(figure.summary.contains("after 992 pairs"));
            }
        }
        assert_eq!([short(992), short(1984), short(4000)], ["992", "2k", "4k"]);
    }
}
