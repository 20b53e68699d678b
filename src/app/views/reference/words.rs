//! The glossary in full.

use eframe::egui;

use crate::app::{
    glossary::{Group, Term},
    letters,
};

/// Draws all terms, group by group.
pub fn show(ui: &mut egui::Ui) {
    for group in Group::ALL {
        ui.add_space(6.0);
        ui.label(
            egui::RichText::new(group.title())
                .strong()
                .size(letters::grown(ui, 16.0)),
        );
        for term in Term::ALL.iter().filter(|term| term.group() == group) {
            ui.horizontal_wrapped(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                ui.strong(term.name());
                ui.label(": ");
                ui.label(term.words());
            });
        }
    }
}
