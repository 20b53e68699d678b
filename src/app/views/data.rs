//! What is measured: a checkpoint, images and texts, settings, and what a run would do with them.

mod checkpoint;
mod hub;
mod items;
mod pairs;
mod plan;
mod settings;

use eframe::egui;

use crate::app::{
    downward,
    store::{Store, data::Wake},
    theme::{self, GAP},
};

/// From this width on, what will be run stands beside what was brought.
const TWO_COLUMNS: f32 = 860.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let waker = ui.ctx().clone();
    let wake: Wake = std::sync::Arc::new(move || waker.request_repaint());
    downward::page(ui, "data", |ui| {
        promise(ui, store);
        theme::gap(ui);
        let room = ui.available_width();
        if room < TWO_COLUMNS {
            brought(ui, store, &wake);
            theme::gap(ui);
            run(ui, store);
            return;
        }
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = GAP;
            ui.vertical(|ui| {
                ui.set_width(room * 0.56);
                brought(ui, store, &wake);
            });
            ui.vertical(|ui| {
                ui.set_width(room * 0.44 - GAP);
                run(ui, store);
            });
        });
    });
}

/// Says what happens to the reader's files.
fn promise(ui: &mut egui::Ui, store: &mut Store) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.heading("Measure your own model and data");
        ui.label(
            "Nothing is ever uploaded: files are read and computed on this device only. Drop files or \
             folders anywhere on this window, or choose them below. A report (.json) dropped here \
             opens as a run.",
        );
        super::fetched::show(ui, store);
    });
}

fn brought(ui: &mut egui::Ui, store: &mut Store, wake: &Wake) {
    card(ui, |ui| checkpoint::show(ui, store, wake));
    theme::gap(ui);
    card(ui, |ui| pairs::show(ui, &mut store.data, wake));
}

fn run(ui: &mut egui::Ui, store: &mut Store) {
    card(ui, |ui| plan::show(ui, store));
}

fn card(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        content(ui);
    });
}

/// While files are over the window: that they may be dropped, whatever is shown.
pub fn drop_hint(ui: &egui::Ui) {
    if ui.input(|input| input.raw.hovered_files.is_empty()) {
        return;
    }
    let colors = theme::colors(ui);
    let frame = ui.ctx().content_rect().shrink(6.0);
    let painter = ui.ctx().layer_painter(egui::LayerId::new(
        egui::Order::Foreground,
        egui::Id::unique("drop hint"),
    ));
    painter.rect_filled(frame, 10.0, colors.accent.gamma_multiply(0.15));
    let stroke = egui::Stroke::new(2.5, colors.accent);
    painter.rect_stroke(frame, 10.0, stroke, egui::StrokeKind::Inside);
    painter.text(
        frame.center(),
        egui::Align2::CENTER_CENTER,
        "Drop to add",
        egui::TextStyle::Heading.resolve(ui.style()),
        ui.visuals().text_color(),
    );
}
