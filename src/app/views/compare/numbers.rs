//! The numbers of the compared runs in a table.

use eframe::egui::{self, RichText};

use crate::{
    app::{glossary, sideways, theme},
    report::{Named, difference, difference_words, incomparable},
};

/// Draws the table, and what keeps its numbers from being compared.
pub(super) fn show(ui: &mut egui::Ui, runs: &[Named<'_>]) {
    for warning in incomparable(runs) {
        let alarm = theme::colors(ui).alarm;
        ui.colored_label(alarm, warning);
    }
    let area = egui::ScrollArea::horizontal();
    sideways::show(ui, "numbers of runs", area, |ui| {
        egui::Grid::new("numbers of runs")
            .striped(true)
            .spacing([18.0, 6.0])
            .show(ui, |ui| {
                for title in [
                    "run",
                    "MIR",
                    "less the first",
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
                for (place, run) in runs.iter().enumerate() {
                    row(ui, run, runs.first().filter(|_| place > 0));
                }
            });
    });
}

fn row(ui: &mut egui::Ui, run: &Named<'_>, first: Option<&Named<'_>>) {
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
        match first {
            None => "the first".to_owned(),
            Some(first) => difference(first.report, report, "mir")
                .map_or("undefined".to_owned(), difference_words),
        },
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
        assert!(incomparable(&[named(&report), named(&other)]).is_empty());
        other.definition = Definition::OfficialFast;
        other.layers[0].n_text -= 1;
        other.layers.pop();
        let found = incomparable(&[named(&report), named(&other), named(&report)]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(incomparable(&[]).is_empty());
    }
}
