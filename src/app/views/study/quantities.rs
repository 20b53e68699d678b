//! How the score goes with every quantity that was measured.

use eframe::egui::{self, RichText};

use super::settings::plot;
use crate::{
    app::{figure, fold, glossary, sideways, store::Store},
    figures::score_quantities,
    study::{Over, StudyResults},
};

/// Draws the correlations as a figure and as a table.
pub(super) fn show(ui: &mut egui::Ui, store: &Store, results: &StudyResults) {
    ui.heading("What the score goes with");
    glossary::prose(
        ui,
        "The {rank correlation} of the score with every quantity of a report, over the settings that can be \
         compared: as many vision tokens as the base, of pre-training the end alone. Near 1 or \u{2212}1 a quantity \
         orders the settings as their scores do; of so many quantities some do so by chance.",
    );
    let look = figure::look(ui, [ui.available_width(), 300.0]);
    let drawn = score_quantities(&plot(store, results), &look);
    figure::show(ui, &drawn);
    fold::show(
        ui,
        "correlations of the score",
        "The correlations as numbers",
        false,
        |ui| table(ui, results),
    );
}

fn table(ui: &mut egui::Ui, results: &StudyResults) {
    let area = egui::ScrollArea::horizontal();
    sideways::show(ui, "table of correlations", area, |ui| {
        egui::Grid::new("correlations of the score")
            .striped(true)
            .spacing([16.0, 5.0])
            .show(ui, |ui| {
                for title in ["quantity", "Spearman", "Kendall", "n", "direction"] {
                    glossary::named(ui, RichText::new(title).strong());
                }
                ui.end_row();
                for found in results.with_score(&Over::Comparable) {
                    ui.label(found.label);
                    for cell in found.coefficients() {
                        ui.monospace(cell);
                    }
                    ui.monospace(found.rank.n.to_string());
                    ui.label(found.direction());
                    ui.end_row();
                }
            });
    });
    glossary::prose(
        ui,
        "In brackets: the middle 95 % over {resampled} settings, or the {p-value}, the share of all orders that \
         correlate as strongly.",
    );
}
