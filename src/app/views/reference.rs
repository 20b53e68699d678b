//! The reference card: what is computed, how the definitions differ, and every term.

mod formula;
mod published;
mod sections;
mod source;
mod words;

use eframe::egui;

use crate::app::{
    downward,
    store::Store,
    theme::{self, GAP},
};

/// From this width on, cards stand in two columns.
const TWO_COLUMNS: f32 = 1060.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    downward::page(ui, "reference", |ui| {
        let all = sections::ALL;
        if ui.available_width() < TWO_COLUMNS {
            for section in all {
                card(ui, store, section);
            }
        } else {
            columns(ui, store, all);
        }
        theme::card(ui, |ui| {
            ui.set_min_width(ui.available_width());
            ui.heading("Every term");
            words::show(ui);
        });
    });
}

/// Two columns, filled in reading order, the left one first.
fn columns(ui: &mut egui::Ui, store: &Store, all: &[sections::Section]) {
    let width = (ui.available_width() - GAP) / 2.0;
    let (left, right) = all.split_at(all.len().div_ceil(2));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        for column in [left, right] {
            ui.vertical(|ui| {
                ui.set_width(width);
                for section in column {
                    card(ui, store, section);
                }
            });
        }
    });
}

fn card(ui: &mut egui::Ui, store: &Store, section: &sections::Section) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.heading(section.title);
        (section.content)(ui, store);
    });
    theme::gap(ui);
}
