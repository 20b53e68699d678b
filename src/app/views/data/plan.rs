//! What a run would do, and the button that starts it.

use eframe::egui;

use super::settings;
use crate::app::{store::Store, theme};
use crate::words::counted;

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let plan = store.data.plan();
    ui.heading("3  What will be run");
    row(ui, "checkpoint", &plan.model);
    row(ui, "pairs", &plan.pairs);
    row(ui, "measured", &counted(plan.number, "pair"));
    row(ui, "definition", store.data.settings.definition.name());
    row(ui, "text mask", store.data.settings.text_mask.name());
    for note in &plan.notes {
        ui.label(note);
    }
    ui.separator();
    let available = available(store, plan.number);
    settings::show(ui, &mut store.data.settings, available);
    ui.add_space(6.0);
    let colors = theme::colors(ui);
    for refusal in &plan.refusals {
        ui.colored_label(colors.alarm, refusal);
    }
    let busy = store.is_busy();
    let possible = plan.refusals.is_empty() && !busy;
    let button = theme::primary(ui, "Measure on this device").min_size(egui::vec2(0.0, 38.0));
    if ui.add_enabled(possible, button).clicked() {
        store.run_data();
    }
    if busy {
        ui.label("A measurement is under way; its progress is shown at the top.");
    }
}

/// A line of the list: what it is about, and what holds.
fn row(ui: &mut egui::Ui, name: &str, words: &str) {
    let faint = theme::colors(ui).faint;
    let font = egui::TextStyle::Body.resolve(ui.style());
    let size = |text: &str| {
        ui.painter()
            .layout_no_wrap(text.to_owned(), font.clone(), faint)
            .size()
    };
    // All names are as wide as the longest one.
    let width = size("checkpoint").x + 14.0;
    let height = size(name).y;
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        ui.allocate_ui(egui::vec2(width, height), |ui| {
            ui.set_width(width);
            ui.label(egui::RichText::new(name).color(faint));
        });
        ui.add(egui::Label::new(words).wrap());
    });
}

/// The number of pairs if all were run.
fn available(store: &mut Store, planned: usize) -> usize {
    let settings = &mut store.data.settings;
    let Some(some) = settings.num_pairs.take() else {
        return planned;
    };
    let all = store.data.plan().number;
    store.data.settings.num_pairs = Some(some);
    all
}
