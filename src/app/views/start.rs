//! What the app opens with: a riddle, what is at stake, and one training step by step.

mod chapters;
mod riddle;
mod side;
mod steps;
mod trainings;

use eframe::egui;

use crate::{
    app::{
        downward,
        store::{StartPart, Store},
        theme,
    },
    figures::clouds_caveat,
    report::Projection,
};

/// What is at stake, in one sentence.
pub const STAKE: &str =
    "The language model never sees the picture, only what the connector makes of it.";

/// From this width on the chapters stand beside the parts.
const BESIDE: f32 = 980.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let Some(contrast) = store.contrast.clone() else {
        ui.label("There is no recording in this copy of mirscope.");
        return;
    };
    scrolled(ui, |ui| {
        parts(ui, store);
        match store.start_part() {
            StartPart::Riddle => riddle::show(ui, store),
            StartPart::Trainings => trainings::show(ui, store, &contrast),
            StartPart::Steps => steps::show(ui, store),
        }
        if ui.available_width() < BESIDE {
            chapters::card(ui, store);
        }
    });
}

/// The two trainings on one ruler, alone.
pub fn ruler_alone(ui: &mut egui::Ui, store: &Store) {
    if let Some(contrast) = &store.contrast {
        scrolled(ui, |ui| trainings::stake_card(ui, contrast));
    }
}

/// The riddle, alone.
pub fn riddle_alone(ui: &mut egui::Ui, store: &mut Store) {
    scrolled(ui, |ui| riddle::show(ui, store));
}

/// One training step by step, alone.
pub fn steps_alone(ui: &mut egui::Ui, store: &mut Store) {
    scrolled(ui, |ui| steps::show(ui, store));
}

fn scrolled(ui: &mut egui::Ui, content: impl FnOnce(&mut egui::Ui)) {
    downward::page(ui, "start", |ui| {
        ui.spacing_mut().item_spacing.y = theme::GAP;
        content(ui);
    });
}

/// The parts to choose from.
fn parts(ui: &mut egui::Ui, store: &mut Store) {
    let shown = store.start_part();
    let beside = ui.available_width() >= BESIDE;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(6.0, 4.0);
        for part in StartPart::ALL {
            if ui.selectable_label(shown == part, part.title()).clicked() {
                if part != StartPart::Riddle {
                    store.riddles.met = true;
                }
                store.view.part = Some(part);
            }
        }
        if beside {
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                chapters::buttons(ui, store, true);
            });
        }
    });
}

/// What the marks of two clouds mean, but for what their legend says.
const CLOUDS: &str = "Ellipses: 1 and 2 standard deviations of a cloud. Arrow: from the vision tokens' mean to the \
                      text tokens'.";

/// What the marks of clouds mean, and what to bear in mind of all planes that are shown in their place.
fn about_clouds<'a>(
    ui: &mut egui::Ui,
    words: &str,
    planes: impl IntoIterator<Item = &'a Projection>,
) {
    match clouds_caveat(planes) {
        Some(caveat) => theme::faint(ui, &format!("{words} {caveat}")),
        None => theme::faint(ui, words),
    }
}
