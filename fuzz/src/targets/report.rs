//! A report: read, shown in every form, compared with itself, and written so that it can be read again.

use mirscope::{
    figures::{Format, comparison_html, render},
    report::{Named, TextStyle, comparison_csv, comparison_markdown, comparison_tex, comparison_text, is_report, parse, table, to_json},
};

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , null -0.0 1e308 1e-308 0 "schema" "mirscope_version" "layers" "mir" "metrics" "frechet"
    "location" "spread" "shape" "per_state" "by_pair" "interval" "value" "samples" "skipped" "timings" "definition"
    "num_pairs" "tokens" "share" "notes" "device" "model" "data""#;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    is_report(text);
    let Ok(report) = parse(text, "a.json") else {
        return;
    };
    table(&report, TextStyle::default());
    for format in [Format::Json, Format::Csv, Format::Html, Format::Svg] {
        render(&report, format).expect("JSON has no number that cannot be written");
    }
    let runs = [Named { name: "a", report: &report }, Named { name: "b", report: &report }];
    comparison_text(&runs, TextStyle::default());
    (comparison_markdown(&runs), comparison_tex(&runs), comparison_csv(&runs), comparison_html(&runs));
    let again = to_json(&report).expect("a report that was read");
    parse(&again, "b.json").expect("a report that was written");
}

pub fn seeds() -> Vec<Vec<u8>> {
    let report = vec![seeds::file("assets/demo/report.json")];
    let mut all: Vec<Vec<u8>> = [1, 2, 4].into_iter().flat_map(|most| seeds::cut_json(report.clone(), most)).collect();
    all.extend(report);
    all
}
