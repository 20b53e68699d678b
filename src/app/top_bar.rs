//! The bar at the top: which run is shown, run and cancel, the tabs.

use eframe::egui;

use super::store::{Store, Tab};

/// Draws the bar.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    egui::Panel::top("top bar").show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.heading("mirscope");
            for tab in Tab::ALL {
                ui.selectable_value(&mut store.view.tab, tab, tab.title());
            }
        });
    });
}
