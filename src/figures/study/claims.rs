//! What a topic's claims are judged on, and what papers give beside it.

use super::super::{
    Figure, Look, Target,
    rows::{Point, Points, Row, Rows, points, rows},
};
use crate::study::{Metric, Protocol, Published, Shown, StudyResults, Topic, Variant, plain_name};

/// Height of a chart of points, in lines of the plot's font.
const HIGH: f32 = 17.0;

/// What a topic's claims are judged on in one protocol: settings by their names, then points where there are many.
///
/// Each row and each point is a spot of its variant.
pub fn topic_figures(
    topic: &Topic,
    protocol: Protocol,
    results: &StudyResults,
    look: &Look,
) -> Vec<Figure> {
    let shown = topic.shown(protocol, results);
    let named = shown.iter().filter(|it| it.with.is_none());
    let axis = results.study.axis(topic.axes[protocol.index()]);
    let ordered = axis.is_some_and(|axis| axis.ordered);
    let base = topic.base[protocol.index()];
    let panels = named.map(|it| panel(results, it, base, ordered));
    let panels: Vec<Rows> = panels.filter(|panel| !panel.rows.is_empty()).collect();
    let mut all = Vec::new();
    if !panels.is_empty() {
        let title = format!("{} {}", topic.question, protocol.title());
        all.push(rows(&title, &panels, look));
    }
    for it in &shown {
        if let Some(with) = &it.with {
            all.push(scatter(results, it, with, look));
        }
    }
    all
}

/// Figures that papers give, a panel each.
pub fn published_figure(published: &[Published], look: &Look) -> Figure {
    let panels = published.iter().map(|series| Rows {
        title: format!("{}, {}", series.varied, series.measure),
        rows: (series.figures.iter())
            .map(|(label, figure)| Row {
                label: (*label).to_owned(),
                value: *figure,
                text: series.text(*figure),
                seeds: Vec::new(),
                target: None,
            })
            .collect(),
        ordered: false,
        noise: None,
        line: None,
        ours: false,
    });
    let panels: Vec<Rows> = panels.collect();
    rows("Published figures", &panels, look)
}

/// A metric's title over a chart, with its unit.
fn title(metric: &Metric) -> String {
    let name = plain_name(metric);
    match metric {
        metric if metric.is_share() => format!("{name} (%)"),
        _ => name,
    }
}

fn factor(metric: &Metric) -> f64 {
    if metric.is_share() { 100.0 } else { 1.0 }
}

fn panel(results: &StudyResults, shown: &Shown, base: &str, ordered: bool) -> Rows {
    let metric = &shown.metric;
    let scale = factor(metric);
    let row = |name: &String| {
        let index = results.study.position(name)?;
        let variant = results.study.variants.get(index)?;
        let value = metric.value(results, variant)?;
        let seeds = results.study.replicates(name);
        let seeds = seeds.filter_map(|seed| Some((seed, metric.value(results, seed)?)));
        let seeds: Vec<(&Variant, f64)> = seeds.collect();
        let label = if *name == results.study.base {
            base.to_owned()
        } else {
            variant.label.clone()
        };
        let mut tip = format!("{label}\n{} {}", title(metric), metric.text(value));
        for (seed, value) in &seeds {
            tip += &format!("\nseed {}: {}", seed.seed, metric.text(*value));
        }
        Some(Row {
            label,
            value: scale * value,
            // The unit stands above.
            text: metric.text(value).trim_end_matches(" %").to_owned(),
            seeds: seeds.iter().map(|(_, value)| scale * value).collect(),
            target: Some((Target::Variant(index), tip)),
        })
    };
    let noise = results
        .noise_of(metric)
        .map(|noise| scale * noise.threshold());
    let line = metric.is_share().then(|| {
        let chance = scale * results.chance(metric).best();
        (chance, format!("chance {chance:.0} %"))
    });
    Rows {
        title: title(metric),
        rows: shown.variants.iter().filter_map(row).collect(),
        ordered,
        noise,
        line,
        ours: true,
    }
}

fn scatter(results: &StudyResults, shown: &Shown, with: &Metric, look: &Look) -> Figure {
    let metric = &shown.metric;
    let control = results.study.control.as_ref();
    let point = |name: &String| {
        let index = results.study.position(name)?;
        let variant = results.study.variants.get(index)?;
        let [x, y] = [
            metric.value(results, variant)?,
            with.value(results, variant)?,
        ];
        Some(Point {
            label: format!(
                "{}\n{} {}, {} {}",
                variant.label,
                plain_name(metric),
                metric.text(x),
                plain_name(with),
                with.text(y)
            ),
            at: [factor(metric) * x, factor(with) * y],
            kind: usize::from(control == Some(name)),
            target: Some(Target::Variant(index)),
        })
    };
    let all: Vec<Point> = shown.variants.iter().filter_map(point).collect();
    let has_control = all.iter().any(|point| point.kind == 1);
    let kinds = match has_control {
        true => vec!["settings".to_owned(), "shuffled texts".to_owned()],
        false => Vec::new(),
    };
    let chart = Points {
        title: format!("{} against {}", title(with), title(metric)),
        axes: [title(metric), title(with)],
        points: all,
        kinds,
        line: None,
    };
    let font = 12.0 * look.text;
    let look = Look {
        size: [look.size[0], HIGH * font],
        ..*look
    };
    points(&chart, &look)
}
