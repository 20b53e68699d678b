//! The held ellipse by sliders: what handles and keys do, too.

use eframe::egui::{self, Slider};

use super::plane::{SIZES, X, Y};
use crate::{app::theme::GAP, report::Ellipse};

/// Draws the sliders, as many beside each other as there is room for.
pub(super) fn show(ui: &mut egui::Ui, held: &mut Ellipse) {
    let columns = if ui.available_width() > 520.0 { 2 } else { 1 };
    // Each below its name.
    let narrow = ui.available_width() < 260.0;
    egui::Grid::new("sliders of the ellipse")
        .num_columns(2 * columns)
        .spacing([GAP, 4.0])
        .show(ui, |ui| {
            let sliders: [(&str, &mut f64, [f64; 2], usize); 5] = [
                ("Left and right", &mut held.x, X, 2),
                ("Down and up", &mut held.y, Y, 2),
                ("Length", &mut held.length, SIZES, 2),
                ("Width", &mut held.width, SIZES, 2),
                ("Turn (degrees)", &mut held.turn, [0.0, 180.0], 0),
            ];
            for (index, (name, value, [low, high], decimals)) in sliders.into_iter().enumerate() {
                let label = ui.label(name);
                if narrow {
                    ui.end_row();
                }
                let slider = Slider::new(value, low..=high)
                    .fixed_decimals(decimals)
                    // A handle may have left it between two steps.
                    .clamping(egui::SliderClamping::Edits);
                ui.add(slider).labelled_by(label.id);
                if (index + 1).is_multiple_of(columns) {
                    ui.end_row();
                }
            }
        });
}
