//! Where something is from.

use eframe::egui;

/// Where something is from, in small print.
pub fn source(ui: &mut egui::Ui, text: &str) {
    ui.label(egui::RichText::new(text).small().weak());
}
