//! What can be changed.

use eframe::egui;

use super::answer::scaling_refused;
use crate::{
    app::{
        store::{Run, Store},
        theme,
        views::states::{Missing, missing},
    },
    report::{Calibration, Report, WhatIfSettings},
    words::counted,
};

/// Where answers about other assumptions come from.
enum Source {
    /// The engine: any number of pairs.
    Live,
    /// The recording: these numbers of pairs.
    Recorded(Vec<usize>),
    /// Nobody, for this reason.
    None(Missing),
}

impl Source {
    fn of(store: &Store) -> Self {
        let recorded = |run: &Run| Some(run.recorded_what_ifs.as_ref()?.pairs.clone());
        if let Some(pairs) = store.run().and_then(recorded) {
            return Self::Recorded(pairs);
        }
        let kept = store.run().and_then(|run| run.kept.as_ref());
        match kept.and_then(|kept| kept.refused.clone()) {
            _ if !store.is_live() => Self::None(Missing::NotLive),
            Some(reason) => Self::None(Missing::Refused(reason)),
            None => Self::Live,
        }
    }
}

/// Draws the controls; in place of those without an answer stands why, and what would change it.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    ui.heading("What if ...");
    let source = Source::of(store);
    let about = match &source {
        Source::Live => {
            states(ui, store, |ui, settings| {
                any_number(ui, settings, report.data.num_pairs)
            });
            "Measured anew from the states that are kept on the device."
        }
        Source::Recorded(pairs) => {
            states(ui, store, |ui, settings| some_numbers(ui, settings, pairs));
            "Recorded for every combination. A run on this device takes any number of pairs."
        }
        Source::None(gap) => {
            if let Some(wish) = missing(ui, store, gap, "this run under other assumptions") {
                wish.carry_out(store);
            }
            ""
        }
    };
    if !about.is_empty() {
        ui.colored_label(theme::colors(ui).faint, about);
    }
    ui.separator();
    match scaling_refused(report) {
        Some(reason) => {
            ui.colored_label(theme::colors(ui).faint, reason);
        }
        None => {
            let label = ui.label("Scale of the vision tokens");
            let slider = egui::Slider::new(&mut store.view.vision_scale, 0.1..=4.0)
                .logarithmic(true)
                .fixed_decimals(2)
                .suffix(" x");
            ui.add(slider).labelled_by(label.id);
            ui.colored_label(
                theme::colors(ui).faint,
                "In closed form from the layers' statistics, not a new forward pass: every layer's \
                 vision tokens are multiplied, and what that would do to the layers after it is left \
                 out.",
            );
        }
    }
    let changed = store.view.what_if != WhatIfSettings::default() || store.view.vision_scale != 1.0;
    if changed {
        ui.add_space(theme::GAP);
        if ui.button("Reset to measured values").clicked() {
            store.view.what_if = WhatIfSettings::default();
            store.view.vision_scale = 1.0;
            // Reset, not left.
            store.view.what_if_shows = Some(crate::app::store::WhatIfPart::Run);
        }
    }
}

/// What is measured again; `pairs` draws how many.
fn states(
    ui: &mut egui::Ui,
    store: &mut Store,
    pairs: impl FnOnce(&mut egui::Ui, &mut WhatIfSettings),
) {
    let settings = &mut store.view.what_if;
    let about = "Tokens whose norm lies more than three standard deviations from the \
                 median are replaced before the distance is taken.";
    ui.checkbox(&mut settings.outliers, "Replace outliers")
        .on_hover_text(about);
    pairs(ui, settings);
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
}

/// A slider over all numbers of pairs.
fn any_number(ui: &mut egui::Ui, settings: &mut WhatIfSettings, most: usize) {
    let mut pairs = settings.num_pairs.unwrap_or(most).min(most);
    let label = ui.label("Pairs");
    // Fewer than two leave nothing to take a covariance of.
    let slider = egui::Slider::new(&mut pairs, 2.min(most)..=most);
    let slider = ui.add_enabled(most > 2, slider).labelled_by(label.id);
    if slider.changed() {
        settings.num_pairs = (pairs < most).then_some(pairs);
    }
}

/// The numbers of pairs that are recorded, the last being all.
fn some_numbers(ui: &mut egui::Ui, settings: &mut WhatIfSettings, numbers: &[usize]) {
    let all = numbers.last().copied().unwrap_or(0);
    let chosen = settings.num_pairs.unwrap_or(all);
    ui.horizontal_wrapped(|ui| {
        ui.label("Pairs");
        ui.spacing_mut().item_spacing.x = 2.0;
        for &number in numbers {
            let response = ui.selectable_label(number == chosen, number.to_string());
            if response.accessible_name(counted(number, "pair")).clicked() {
                settings.num_pairs = (number < all).then_some(number);
            }
        }
    });
}
