//! Figures that papers give, labelled as such.

use eframe::egui;

use super::source::source;
use crate::{
    app::{glossary::prose, store::Store, theme},
    study::Published,
};

/// Draws the tables.
pub fn show(ui: &mut egui::Ui, _store: &Store) {
    prose(
        ui,
        "{Published}, not measured here: models of 7 billion parameters on the paper's own data and \
         with its own script. Compare trends, not digits.",
    );
    let width = 184.0;
    let columns = ((ui.available_width() / width) as usize).max(1);
    for row in Published::OF_MIR.chunks(columns) {
        ui.add_space(4.0);
        ui.horizontal_top(|ui| {
            for series in row {
                ui.vertical(|ui| {
                    ui.set_width(width - 12.0);
                    table(ui, series);
                });
            }
        });
    }
    source(ui, "arXiv 2410.07167, MIR of the released script");
}

fn table(ui: &mut egui::Ui, series: &Published) {
    ui.spacing_mut().item_spacing = egui::vec2(12.0, 2.0);
    ui.label(egui::RichText::new(series.varied).color(theme::colors(ui).faint));
    egui::Grid::new(series.varied)
        .striped(true)
        .min_col_width(70.0)
        .show(ui, |ui| {
            for (setting, mir) in series.figures {
                ui.label(*setting);
                ui.label(series.text(*mir));
                ui.end_row();
            }
        });
}
