//! The alignment of one run: the number, its layers, the two clouds.

pub(super) mod clouds;
mod headline;
pub(super) mod layers;
mod patches;
mod quantities;
mod selected;

use eframe::egui;

use super::pipeline;
use crate::app::{downward, store::Store, theme::GAP};

/// From this width on the layers and the clouds stand beside each other.
const WIDE: f32 = 900.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    downward::page(ui, "alignment", |ui| {
        ui.spacing_mut().item_spacing.y = GAP;
        pipeline::show(ui, store);
        if ui.available_width() >= WIDE {
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                headline::show(left, store);
                layers::show(left, store);
                quantities::show(left, store);
                clouds::show(right, store);
                selected::show(right, store);
            });
        } else {
            headline::show(ui, store);
            clouds::show(ui, store);
            layers::show(ui, store);
            quantities::show(ui, store);
            selected::show(ui, store);
        }
    });
}
