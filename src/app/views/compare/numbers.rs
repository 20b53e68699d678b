//! The numbers of the compared runs in a table.

use eframe::egui::{self, RichText};

use crate::{
    app::{glossary, theme},
    figures::Named,
};

/// Draws the table, and what keeps its numbers from being compared.
pub(super) fn show(ui: &mut egui::Ui, runs: &[Named<'_>]) {
    for warning in warnings(runs) {
        let alarm = theme::colors(ui).alarm;
        ui.colored_label(alarm, warning);
    }
    egui::ScrollArea::horizontal().show(ui, |ui| {
        egui::Grid::new("numbers of runs")
            .striped(true)
            .spacing([18.0, 6.0])
            .show(ui, |ui| {
                for title in [
                    "run",
                    "MIR",
                    "norm-matched",
                    "norm v/t",
                    "n vision",
                    "n text",
                    "d",
                    "definition",
                    "text mask",
                ] {
                    glossary::named(ui, RichText::new(title).strong());
                }
                ui.end_row();
                for run in runs {
                    row(ui, run);
                }
            });
    });
}

fn row(ui: &mut egui::Ui, run: &Named<'_>) {
    let report = run.report;
    let rate = |value: Option<f64>, id: &str| {
        let value = value.map_or("undefined".to_owned(), |v| format!("{v:.4}"));
        let interval = report
            .interval(id)
            .map(|[low, high]| format!(" [{low:.3}, {high:.3}]"));
        value + &interval.unwrap_or_default()
    };
    let (n_vision, n_text) = report.tokens();
    // After the first layer, as in the tables of a study.
    let ratio = report.layers.first().and_then(|layer| layer.norm_ratio());
    ui.label(run.name);
    for cell in [
        rate(report.mir, "mir"),
        rate(report.norm_matched_mir, "norm-matched-mir"),
        ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
        n_vision.to_string(),
        n_text.to_string(),
        report.model.hidden_size.to_string(),
    ] {
        ui.monospace(cell);
    }
    ui.label(report.definition.name());
    ui.label(report.text_mask.name());
    ui.end_row();
}

/// Why the numbers are not comparable, one sentence a reason.
fn warnings(runs: &[Named<'_>]) -> Vec<&'static str> {
    fn differ<T: PartialEq>(runs: &[Named<'_>], of: impl Fn(&Named<'_>) -> T) -> bool {
        runs.windows(2).any(|pair| of(&pair[0]) != of(&pair[1]))
    }
    let mut warnings = Vec::new();
    if differ(runs, |run| run.report.definition) {
        warnings.push("Definitions differ: the rates are of different quantities.");
    }
    if differ(runs, |run| run.report.text_mask) {
        warnings.push("Text masks differ: other tokens count as text.");
    }
    if differ(runs, |run| run.report.tokens()) {
        warnings.push(
            "Numbers of tokens differ: with fewer tokens the estimate is biased further upward.",
        );
    }
    if differ(runs, |run| run.report.layers.len()) {
        warnings.push("Numbers of layers differ: the rate is of a sum over all layers.");
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Definition, Report, parse};

    #[test]
    fn what_is_not_comparable_is_said() {
        let report = include_str!("../../../../assets/demo/report.json");
        let report = parse(report, "report.json").unwrap();
        let mut other = report.clone();
        fn named(report: &Report) -> Named<'_> {
            Named { name: "a", report }
        }
        assert!(warnings(&[named(&report), named(&other)]).is_empty());
        other.definition = Definition::OfficialFast;
        other.layers[0].n_text -= 1;
        other.layers.pop();
        let found = warnings(&[named(&report), named(&other), named(&report)]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(warnings(&[]).is_empty());
    }
}
