//! A study and its results, as tables, sentences and figures.

use mirscope::{
    figures::{Palette, study_figures, svg_of},
    report::TextStyle,
    study::{Study, StudyResults, correlations, results_json, sentences, study_csv, study_markdown, study_text, verdicts},
};

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , null -0.0 1e308 1e-308 0 "schema" "axes" "variants" "name" "values" "claims" "seed"
    "scores" "measured" "settings" "layers" "mir" "quantities" "interval" "noise" "correlations" "verdicts" "control"
    "checkpoint" "training" "expectation" "metric""#;

pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = Study::parse(text, "variants.json");
    let Ok(results) = StudyResults::parse(text, "results.json") else {
        return;
    };
    study_text(&results, TextStyle::default());
    (study_markdown(&results, &[]), study_csv(&results), sentences(&results));
    (verdicts(&results), correlations(&results));
    for figure in study_figures(&results, Palette::LIGHT) {
        svg_of(&figure.figure);
    }
    let again = results_json(&results).expect("results that were read");
    StudyResults::parse(&again, "b.json").expect("results that were written");
}

pub fn seeds() -> Vec<Vec<u8>> {
    let files = seeds::files(&["/results.json", "/variants.json"]);
    [2, 4, 12].into_iter().flat_map(|most| seeds::cut_json(files.clone(), most)).collect()
}
