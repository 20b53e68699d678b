//! Several reports beside each other: what they have in common, how far apart their values are, and whether the
//! difference is beyond what other pairs would have done to it.

use serde::Serialize;

use super::{
    Report,
    csv::quoted,
    interval,
    layout::{Align, Column, TextStyle, columns, labeled},
    markdown::{cell, row},
};
use crate::words::printable;

/// A report and what to call it.
#[derive(Clone, Copy, Debug)]
pub struct Named<'a> {
    /// The name.
    pub name: &'a str,
    /// The report.
    pub report: &'a Report,
}

/// How far a value lies from that of the first run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The value less that of the first run.
    pub value: f64,
    /// Its 95 % interval over pairs, each pair with itself; absent where the runs are not of the same pairs or have
    /// none.
    pub interval: Option<[f64; 2]>,
    /// Whether 0 lies outside the interval; absent without one.
    pub beyond: Option<bool>,
}

/// One quantity of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// [`MetricReport::id`](super::MetricReport::id).
    pub quantity: String,
    /// What a reader sees.
    pub label: String,
    /// The run's name.
    pub run: String,
    /// The overall value.
    pub value: Option<f64>,
    /// Its 95 % interval over pairs.
    pub interval: Option<[f64; 2]>,
    /// From the first run; absent for that one itself, and where either value is.
    pub difference: Option<Difference>,
}

impl Comparison {
    /// Every quantity that the first run has, run by run.
    pub fn all(runs: &[Named<'_>]) -> Vec<Self> {
        let Some(first) = runs.first() else {
            return Vec::new();
        };
        let of_quantity = |id: &str, label: &str| {
            let entries = runs.iter().enumerate().map(|(place, run)| Self {
                quantity: id.to_owned(),
                label: label.to_owned(),
                run: printable(run.name).into_owned(),
                value: run.report.metric(id).and_then(|metric| metric.value),
                interval: run.report.interval(id),
                difference: (place > 0)
                    .then(|| difference(first.report, run.report, id))
                    .flatten(),
            });
            entries.collect::<Vec<_>>()
        };
        let metrics = first.report.metrics.iter();
        metrics
            .flat_map(|metric| of_quantity(&metric.id, &metric.label))
            .collect()
    }

    /// Value, interval, difference, its interval, and whether it is beyond it, for reading.
    fn cells(&self) -> [String; 5] {
        let ends = |interval: Option<[f64; 2]>| {
            interval.map_or_else(nothing, |ends| {
                let [low, high] = ends.map(|end| format!("{end:.4}"));
                format!("{low} to {high}")
            })
        };
        let found = self.difference;
        [
            self.value
                .map_or_else(nothing, |value| format!("{value:.4}")),
            ends(self.interval),
            found.map_or_else(nothing, |it| format!("{:+.4}", it.value)),
            ends(found.and_then(|it| it.interval)),
            match found.and_then(|it| it.beyond) {
                Some(true) => "yes".to_owned(),
                Some(false) => "no".to_owned(),
                None => nothing(),
            },
        ]
    }
}

/// What stands in a cell without a value.
fn nothing() -> String {
    "-".to_owned()
}

/// Titles of the columns.
const TITLES: [&str; 7] = [
    "quantity",
    "run",
    "value",
    "95 % over pairs",
    "less the first",
    "95 % of that",
    "beyond 0",
];

/// Whether two reports are of the same pairs in the same order, as far as they say.
fn of_same_pairs(one: &Report, other: &Report) -> bool {
    let key = |report: &Report| {
        let data = &report.data;
        (
            data.source.clone(),
            data.num_pairs,
            data.seed,
            data.skipped.clone(),
        )
    };
    key(one) == key(other)
}

/// How far a quantity of `other` lies from that of `first`.
///
/// Where both are of the same pairs the interval is that of the difference: what a pair does to both drops out.
pub fn difference(first: &Report, other: &Report, id: &str) -> Option<Difference> {
    let (from, to) = (first.metric(id)?, other.metric(id)?);
    let value = to.value? - from.value?;
    let paired = of_same_pairs(first, other) && from.by_pair.len() == to.by_pair.len();
    let moved: Vec<f64> = match paired {
        true => (to.by_pair.iter().zip(&from.by_pair))
            .map(|(to, from)| to - from)
            .collect(),
        false => Vec::new(),
    };
    let interval = interval(value, &moved);
    Some(Difference {
        value,
        interval,
        beyond: interval.map(|[low, high]| low > 0.0 || high < 0.0),
    })
}

/// Why the numbers of several runs are not comparable, one sentence a reason.
pub fn incomparable(runs: &[Named<'_>]) -> Vec<&'static str> {
    fn differ<T: PartialEq>(runs: &[Named<'_>], of: impl Fn(&Named<'_>) -> T) -> bool {
        runs.windows(2).any(|pair| of(&pair[0]) != of(&pair[1]))
    }
    let mut reasons = Vec::new();
    if differ(runs, |run| run.report.definition) {
        reasons.push("Definitions differ: the rates are of different quantities.");
    }
    if differ(runs, |run| run.report.text_mask) {
        reasons.push("Text masks differ: other tokens count as text.");
    }
    if differ(runs, |run| run.report.outliers) {
        reasons.push("Rules for outliers differ: other tokens make up the clouds.");
    }
    if differ(runs, |run| run.report.tokens()) {
        reasons.push(
            "Numbers of tokens differ: with fewer tokens the estimate is biased further upward.",
        );
    }
    if differ(runs, |run| run.report.layers.len()) {
        reasons.push("Numbers of layers differ: the rate is of a sum over all layers.");
    }
    reasons
}

/// The runs beside each other for a terminal; ends with a newline.
pub fn comparison_text(runs: &[Named<'_>], style: TextStyle) -> String {
    let all = Comparison::all(runs);
    let cells: Vec<[String; 5]> = all.iter().map(Comparison::cells).collect();
    let mut last = "";
    let quantities = all.iter().map(|it| {
        let said = last == it.quantity;
        last = &it.quantity;
        if said {
            String::new()
        } else {
            it.label.clone()
        }
    });
    let [quantity, run, value, interval, less, less_interval, beyond] = TITLES;
    let of = |at: usize| cells.iter().map(move |cells| cells[at].clone());
    let (mut lines, left_out) = columns(
        vec![
            Column::new(quantity, Align::Left, 0, quantities.collect::<Vec<_>>()),
            Column::new(run, Align::Left, 0, all.iter().map(|it| it.run.clone())),
            Column::new(value, Align::Point, 0, of(0)),
            Column::new(interval, Align::Left, 2, of(1)),
            Column::new(less, Align::Point, 1, of(2)),
            Column::new(less_interval, Align::Left, 3, of(3)),
            Column::new(beyond, Align::Left, 1, of(4)),
        ],
        style,
    );
    lines.push(String::new());
    for reason in incomparable(runs) {
        lines.extend(labeled("note", reason, style));
    }
    if all
        .iter()
        .any(|it| it.difference.is_some_and(|it| it.interval.is_none()))
    {
        lines.extend(labeled("note", NO_PAIRED, style));
    }
    if !left_out.is_empty() {
        let hint = format!(
            "columns left out for lack of width: {}",
            left_out.join(", ")
        );
        lines.extend(labeled("note", &hint, style));
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.join("\n") + "\n"
}

/// Why a difference has no interval.
const NO_PAIRED: &str = "a difference has an interval where both runs are of the same pairs and have intervals \
                         themselves";

/// As a table of Markdown.
pub fn comparison_markdown(runs: &[Named<'_>]) -> String {
    let mut text = row(TITLES.map(ToOwned::to_owned));
    text += "| --- | --- | ---: | --- | ---: | --- | --- |\n";
    for it in Comparison::all(runs) {
        let mut cells = vec![cell(&it.label), cell(&it.run)];
        cells.extend(it.cells());
        text += &row(cells);
    }
    for reason in incomparable(runs) {
        text += &format!("\n{reason}\n");
    }
    text
}

/// As a table of LaTeX that needs no package.
pub fn comparison_tex(runs: &[Named<'_>]) -> String {
    let row = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| tex(cell)).collect();
        format!("{} \\\\\n", cells.join(" & "))
    };
    let mut text = "\\begin{tabular}{llrlrll}\n\\hline\n".to_owned();
    text += &row(&TITLES.map(ToOwned::to_owned));
    text += "\\hline\n";
    for it in Comparison::all(runs) {
        let mut cells = vec![it.label.clone(), it.run.clone()];
        cells.extend(it.cells());
        text += &row(&cells);
    }
    text += "\\hline\n\\end{tabular}\n";
    for reason in incomparable(runs) {
        text += &format!("% {reason}\n");
    }
    text
}

/// Characters that LaTeX takes for itself.
fn tex(cell: &str) -> String {
    let mut text = String::new();
    for letter in cell.chars() {
        match letter {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                text.push('\\');
                text.push(letter);
            }
            '~' => text += "\\textasciitilde{}",
            '^' => text += "\\textasciicircum{}",
            '\\' => text += "\\textbackslash{}",
            other => text.push(other),
        }
    }
    text
}

/// As comma-separated values, one quantity of one run a line (RFC 4180, with `\n` line ends); what is absent is
/// empty.
pub fn comparison_csv(runs: &[Named<'_>]) -> String {
    let mut text =
        "quantity,run,value,low,high,difference,difference_low,difference_high\n".to_owned();
    for it in Comparison::all(runs) {
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let ends = |interval: Option<[f64; 2]>| {
            let [low, high] = interval.map_or([None; 2], |ends| ends.map(Some));
            [number(low), number(high)]
        };
        let mut cells = vec![quoted(&it.quantity), quoted(&it.run), number(it.value)];
        cells.extend(ends(it.interval));
        cells.push(number(it.difference.map(|it| it.value)));
        cells.extend(ends(it.difference.and_then(|it| it.interval)));
        text += &(cells.join(",") + "\n");
    }
    text
}

/// A difference for reading, with its interval.
#[cfg(feature = "app")]
pub(crate) fn difference_words(found: Difference) -> String {
    let interval = found.interval.map(|ends| {
        let [low, high] = ends.map(super::format_significant);
        format!(" ({low} to {high})")
    });
    format!("{:+.4}{}", found.value, interval.unwrap_or_default())
}
