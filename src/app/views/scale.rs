//! The axis of the distances: logarithmic or linear.

use eframe::egui;

use crate::figures::Scale;

/// The title of a chart of distances by layer, and the choice of their axis.
pub fn heading(ui: &mut egui::Ui, chosen: &mut Scale) {
    ui.horizontal_wrapped(|ui| {
        ui.heading("Distance by layer");
        choice(ui, chosen, [Scale::Log, Scale::Linear]);
    });
}

/// The choice, in the order of `scales`.
pub fn choice(ui: &mut egui::Ui, chosen: &mut Scale, scales: [Scale; 2]) {
    for scale in scales {
        let name = match scale {
            Scale::Log => "log",
            Scale::Linear => "linear",
        };
        let label = ui.selectable_value(chosen, scale, name);
        label.on_hover_text("The axis of the distances");
    }
}
