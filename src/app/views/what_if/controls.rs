//! What can be changed.

use eframe::egui;

use super::answer::scaling_refused;
use crate::{
    app::{store::Store, theme},
    report::{Calibration, Report, WhatIfSettings},
};

/// Draws the controls; what cannot be changed is disabled and says why.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    ui.heading("What if ...");
    let refused = states_refused(store);
    if let Some(reason) = &refused {
        ui.colored_label(theme::colors(ui).faint, reason);
    }
    ui.add_enabled_ui(refused.is_none(), |ui| states(ui, store, report));
    ui.separator();
    let refused = scaling_refused(report);
    if let Some(reason) = refused {
        ui.colored_label(theme::colors(ui).faint, reason);
    }
    ui.add_enabled_ui(refused.is_none(), |ui| {
        let label = ui.label("Scale of the vision tokens");
        let slider = egui::Slider::new(&mut store.view.vision_scale, 0.1..=4.0)
            .logarithmic(true)
            .fixed_decimals(2)
            .suffix(" x");
        ui.add(slider).labelled_by(label.id);
    });
    ui.colored_label(
        theme::colors(ui).faint,
        "In closed form from the layers' statistics, not a new forward pass: every layer's vision \
         tokens are multiplied, and what that would do to the layers after it is left out.",
    );
    ui.add_space(theme::GAP);
    let changed = store.view.what_if != WhatIfSettings::default() || store.view.vision_scale != 1.0;
    let reset = egui::Button::new("Back to as measured");
    if ui.add_enabled(changed, reset).clicked() {
        store.view.what_if = WhatIfSettings::default();
        store.view.vision_scale = 1.0;
    }
}

/// Why the states cannot be measured again; none where they can.
fn states_refused(store: &Store) -> Option<String> {
    if store.is_busy() {
        return Some("A measurement is under way; these wait for its end.".to_owned());
    }
    if !store.is_live() {
        return Some(
            "These need the states of this run on this device. Run it here to change them."
                .to_owned(),
        );
    }
    store.run()?.kept.as_ref()?.refused.clone()
}

/// What needs the kept states.
fn states(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    let settings = &mut store.view.what_if;
    let about = "Tokens whose norm lies more than three standard deviations from the \
                 median are replaced before the distance is taken.";
    ui.checkbox(&mut settings.outliers, "Replace outliers")
        .on_hover_text(about);
    let most = report.data.num_pairs;
    let mut pairs = settings.num_pairs.unwrap_or(most).min(most);
    let label = ui.label("Pairs");
    // Fewer than two leave nothing to take a covariance of.
    let slider = egui::Slider::new(&mut pairs, 2.min(most)..=most);
    let slider = ui.add_enabled(most > 2, slider).labelled_by(label.id);
    if slider.changed() {
        settings.num_pairs = (pairs < most).then_some(pairs);
    }
    let mut moca = settings.calibration == Calibration::Moca;
    let about = "Modality calibration (MoCa): each coordinate of the vision tokens gets the text \
                 tokens' mean and standard deviation, layer by layer, from the layer's statistics \
                 and not in a new forward pass.";
    if ui
        .checkbox(&mut moca, "Calibrate the vision tokens (MoCa)")
        .on_hover_text(about)
        .changed()
    {
        settings.calibration = if moca {
            Calibration::Moca
        } else {
            Calibration::None
        };
    }
    ui.colored_label(
        theme::colors(ui).faint,
        "From the states that are kept on the device.",
    );
}
