//! A report as text for a terminal.

use super::{
    Definition, LayerReport, MetricReport, Outliers, Report, StateValue,
    layout::{Align, Column, TextStyle, columns, labeled, labeled_styled},
    number::{count, seconds, significant},
};
use crate::words::counted;

/// The report as text: a table of the layers and, below it, the overall numbers with what they mean
/// and where they come from. Ends with a newline.
///
/// On a narrow terminal the least important columns are left out, and the text says which.
pub fn table(report: &Report, style: TextStyle) -> String {
    let (mut lines, mut left_out) = columns(layer_columns(report), style);
    lines.push(String::new());
    lines.extend(labeled_styled("MIR", &mir_line(report, style), style));
    let mut add = |label: &str, text: &str| lines.extend(labeled(label, text, style));

    if let Some(bracket) = bracket_line(report) {
        add("", &bracket);
    }
    add("norm-matched", &norm_matched_line(report));
    if let Some(samples) = samples_line(report) {
        add("fewer pairs", &samples);
    }
    if report.other_metrics().next().is_some() {
        let (others, missing) = columns(other_columns(report), style);
        lines.push(String::new());
        lines.extend(others);
        lines.push(String::new());
        left_out.extend(missing);
    }
    let mut add = |label: &str, text: &str| lines.extend(labeled(label, text, style));
    add(
        "definition",
        &format!("{}: {}", report.definition, report.definition.words()),
    );
    if let (Some(first), Some(last)) = (report.layers.first(), report.layers.last()) {
        add("states", &format!("{} to {}", first.state, last.state));
    }
    add(
        "text tokens",
        &format!("{}: {}", report.text_mask, report.text_mask.words()),
    );
    add("tokens", &tokens_line(report));
    add("outliers", &outliers_line(report));
    add("pairs", &pairs_line(report));
    if let Some(protocol) = &report.data.protocol {
        add("protocol", &protocol.line());
    }
    if let Some(skipped) = skipped_line(report) {
        add("skipped", &skipped);
    }
    add("model", &model_line(report));
    add("adapter", &report.device.line());
    if !report.timings.is_empty() {
        let times: Vec<String> = report
            .timings
            .iter()
            .map(|timing| format!("{} {}", timing.stage, seconds(timing.seconds)))
            .collect();
        add("time", &times.join(", "));
    }
    for note in &report.notes {
        add("note", note);
    }
    if !left_out.is_empty() {
        let hint = format!(
            "columns left out for lack of width: {}",
            left_out.join(", ")
        );
        add("note", &hint);
    }
    lines.join("\n") + "\n"
}

/// An interval of a rate between two pieces of text; nothing without one.
fn interval_words(interval: Option<[f64; 2]>, before: &str, after: &str) -> String {
    interval.map_or_else(String::new, |[low, high]| {
        format!("{before}{low:.3} to {high:.3}{after}")
    })
}

/// A number in a cell.
fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), significant)
}

/// The quantities beside the rate, one a line.
fn other_columns(report: &Report) -> Vec<Column> {
    let others = || report.other_metrics();
    let of = |state: fn(&[StateValue]) -> Option<&StateValue>| {
        let value = move |metric: &MetricReport| state(&metric.per_state)?.value;
        others().map(move |metric| number(value(metric)))
    };
    let overall = others().map(|metric| match metric.interval {
        Some([low, high]) => format!(
            "{} ({} to {})",
            number(metric.value),
            significant(low),
            significant(high)
        ),
        None => number(metric.value),
    });
    let text = |title, dispensable, cells: Vec<String>| {
        Column::new(title, Align::Left, dispensable, cells)
    };
    vec![
        text("quantity", 0, others().map(|it| it.label.clone()).collect()),
        text("overall", 0, overall.collect()),
        text("first layer", 1, of(<[_]>::first).collect()),
        text("last layer", 1, of(<[_]>::last).collect()),
        text("of", 2, others().map(|it| it.basis.clone()).collect()),
    ]
}

fn layer_columns(report: &Report) -> Vec<Column> {
    let each = |cell: &dyn Fn(&LayerReport) -> String| -> Vec<String> {
        report.layers.iter().map(cell).collect()
    };
    let tokens = |n: usize| count(n as u64);
    let point = |title, dispensable, cells| Column::new(title, Align::Point, dispensable, cells);
    let mut columns = vec![
        point("layer", 0, each(&|layer| layer.layer.to_string())),
        point("Fréchet", 0, each(&|layer| significant(layer.frechet))),
        point("location", 3, each(&|layer| significant(layer.location))),
        point("spread", 3, each(&|layer| significant(layer.spread))),
        point("shape", 3, each(&|layer| significant(layer.shape))),
        point(
            "share %",
            1,
            each(&|layer| {
                report
                    .share(layer)
                    .map_or_else(|| "-".to_owned(), |share| format!("{:.1}", share * 100.0))
            }),
        ),
        Column::new(
            "",
            Align::Left,
            6,
            each(&|layer| report.share(layer).map(bar).unwrap_or_default()),
        ),
        point("norm v/t", 2, each(&|layer| number(layer.norm_ratio()))),
        point("n vision", 5, each(&|layer| tokens(layer.n_vision))),
        point("n text", 5, each(&|layer| tokens(layer.n_text))),
    ];
    if report.definition == Definition::OfficialFast {
        let upper = point("upper end", 4, each(&|layer| number(layer.frechet_upper)));
        columns.insert(2, upper);
    }
    columns
}

/// A bar of up to ten cells in eighths.
fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * 80.0).round() as usize;
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

fn mir_line(report: &Report, style: TextStyle) -> String {
    match (report.mir, report.undefined_because()) {
        (Some(mir), _) => format!(
            "{}{} = log10 of {}, the sum over {}; lower is nearer to the words",
            style.bold(&format!("{mir:.3}")),
            interval_words(report.interval("mir"), " (95 % over pairs: ", ")"),
            significant(report.sum()),
            counted(report.layers.len(), "layer")
        ),
        (None, reason) => format!("undefined: {}", reason.unwrap_or_default()),
    }
}

fn bracket_line(report: &Report) -> Option<String> {
    (report.definition == Definition::OfficialFast).then(|| {
        let end = |value: Option<f64>| {
            value.map_or_else(|| "undefined".to_owned(), |mir| format!("{mir:.3}"))
        };
        format!(
            "the released loop drifts, in 32-bit floats, between this ({}) and subtracting nothing \
             ({}); it is not claimed to print either",
            end(report.mir),
            end(report.mir_upper())
        )
    })
}

fn norm_matched_line(report: &Report) -> String {
    report.norm_matched_mir.map_or_else(
        || "MIR undefined: the sum over the layers is not positive".to_owned(),
        |mir| {
            let interval = interval_words(report.interval("norm-matched-mir"), " (", ")");
            format!("MIR {mir:.3}{interval}, with both modalities scaled to mean token norm 1")
        },
    )
}

/// The rate of samples of the pairs, the fewest first.
fn samples_line(report: &Report) -> Option<String> {
    let fewer = report.samples.split_last()?.1;
    let told = fewer.iter().map(|point| {
        let mir = || point.mir.iter().copied().flatten();
        let [low, high] = [
            mir().fold(f64::MAX, f64::min),
            mir().fold(f64::MIN, f64::max),
        ];
        match low <= high {
            true => format!(
                "MIR {low:.3} to {high:.3} of {}",
                counted(point.pairs, "pair")
            ),
            false => format!("undefined of {}", counted(point.pairs, "pair")),
        }
    });
    Some(told.collect::<Vec<_>>().join("; "))
}

fn tokens_line(report: &Report) -> String {
    let (n_vision, n_text) = report.tokens();
    let d = report.model.hidden_size;
    let per_dimension = |n: usize| n as f64 / d.max(1) as f64;
    let mut line = format!(
        "n = {} vision and {} text, d = {d}, n/d = {:.1} and {:.1}",
        count(n_vision as u64),
        count(n_text as u64),
        per_dimension(n_vision),
        per_dimension(n_text)
    );
    if report.has_few_tokens() {
        line += "; with so few tokens the distance is biased upward: compare equal n only";
    }
    line
}

/// The rule for outliers, how many there were in the layer that has most, and how many could as well be some.
fn outliers_line(report: &Report) -> String {
    let most = |of: &dyn Fn(&LayerReport) -> usize| report.layers.iter().map(of).max().unwrap_or(0);
    let mut line = format!("{}: {}", report.outliers, report.outliers.words());
    if report.outliers != Outliers::Keep {
        let [vision, text] = [most(&|it| it.outliers_vision), most(&|it| it.outliers_text)];
        line += &format!(
            "; at most {} vision and {} text in a layer",
            count(vision as u64),
            count(text as u64)
        );
        let near = [0, 1].map(|side: usize| most(&|it| it.near_limit.map_or(0, |near| near[side])));
        if near != [0, 0] {
            line += &format!(
                "; up to {} and {} are so near the limit that the smallest change decides",
                count(near[0] as u64),
                count(near[1] as u64)
            );
        }
    }
    line
}

fn pairs_line(report: &Report) -> String {
    let data = &report.data;
    format!(
        "{} from {}, seed {}, prompt: {}",
        count(data.num_pairs as u64),
        data.source,
        data.seed,
        data.prompt
    )
}

/// How many were left out, and the first of them by name; the report has them all.
fn skipped_line(report: &Report) -> Option<String> {
    const MOST: usize = 10;
    let skipped = &report.data.skipped;
    let named = skipped.iter().take(MOST);
    let named: Vec<String> = named
        .map(|it| format!("{} ({})", it.name, it.reason))
        .collect();
    let more = skipped.len().saturating_sub(MOST);
    let more = match more {
        0 => String::new(),
        _ => format!("; {more} more are named in the JSON report"),
    };
    (!skipped.is_empty()).then(|| {
        format!(
            "{} that could not be read: {}{more}",
            counted(skipped.len(), "input"),
            named.join("; ")
        )
    })
}

fn model_line(report: &Report) -> String {
    let model = &report.model;
    format!(
        "{} ({}), {} in {}",
        model.name,
        model.architecture,
        counted(model.parameters as usize, "parameter"),
        model.dtype
    )
}
