//! The chapters, to begin with.

use eframe::egui::{self, RichText};

use crate::app::{
    store::Store,
    theme,
    tour::{self, Chapter},
};

/// What they are.
const TITLE: &str = "Three chapters, two minutes each";

/// Draws them in a card of their own.
pub(super) fn card(ui: &mut egui::Ui, store: &mut Store) {
    theme::left_aligned_card(ui, |ui| {
        ui.label(RichText::new(TITLE).strong());
        ui.horizontal_wrapped(|ui| buttons(ui, store, false));
    });
}

/// Draws their buttons; from the right in a row that ends at the right, with what they are before them.
pub(super) fn buttons(ui: &mut egui::Ui, store: &mut Store, from_right: bool) {
    let mut chapters = Chapter::ALL;
    if from_right {
        chapters.reverse();
    }
    let mut chosen = None;
    for chapter in chapters {
        let button = ui.button(chapter.title());
        if button.on_hover_text(chapter.about()).clicked() {
            chosen = Some(chapter);
        }
    }
    if from_right {
        ui.label(RichText::new(TITLE).small().color(theme::colors(ui).faint));
    }
    if let Some(chapter) = chosen {
        tour::start(ui.ctx(), store, chapter);
    }
}
