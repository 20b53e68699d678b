//! What is at stake: two trainings that differ in one thing, beside each other.

mod side;

use eframe::egui::{self, RichText};

use super::alignment::clouds;
use crate::{
    app::{
        figure,
        glossary::prose,
        landmark::{Landmark, mark},
        store::{Store, Tab},
        theme::{self, card, colors},
    },
    figures::{Ruler, answers, ruler},
    report::format_count,
    study::{Contrast, NO_PROGRESS},
};

/// What is at stake, in one sentence.
pub const STAKE: &str =
    "The language model never sees the picture, only what the connector makes of it.";

/// From this width on both sides and the answers stand beside each other.
const WIDE: f32 = 1040.0;
/// From this width on both sides do.
const MIDDLE: f32 = 640.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let Some(contrast) = store.contrast.clone() else {
        ui.label("There is no recording in this copy of mirscope.");
        return;
    };
    egui::ScrollArea::vertical()
        .id_salt("start")
        .auto_shrink(false)
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = theme::GAP;
            card(ui, |ui| {
                ui.set_width(ui.available_width());
                stake(ui, &contrast);
                mark(ui, Landmark::Stake, ui.min_rect());
            });
            let width = ui.available_width();
            if width >= WIDE {
                ui.columns(3, |columns| {
                    let [left, middle, right] = columns else {
                        return;
                    };
                    side::show(left, store, &contrast, 0);
                    side::show(middle, store, &contrast, 1);
                    answered(right, &contrast);
                    further(right, store);
                });
                return;
            }
            if width >= MIDDLE {
                ui.columns(2, |columns| {
                    let [left, right] = columns else { return };
                    side::show(left, store, &contrast, 0);
                    side::show(right, store, &contrast, 1);
                });
                answered(ui, &contrast);
            } else {
                side::show(ui, store, &contrast, 0);
                side::show(ui, store, &contrast, 1);
                answered(ui, &contrast);
            }
            further(ui, store);
        });
}

/// The layer that the clouds are of, and what the number is not for.
fn further(ui: &mut egui::Ui, store: &mut Store) {
    theme::left_aligned_card(ui, |ui| {
        clouds::player(ui, store);
        one_training(ui, store);
    });
}

/// The sentence, what was done, and the numbers on one ruler.
fn stake(ui: &mut egui::Ui, contrast: &Contrast) {
    ui.spacing_mut().item_spacing.y = 6.0;
    ui.add(egui::Label::new(RichText::new(STAKE).size(21.0).strong()).wrap());
    prose(
        ui,
        &format!(
            "Two {{connectors}} were trained equally long, on the same {} pictures: one with the captions that \
             fit, the other with shuffled captions. The {{Modality Integration Rate}} ({{MIR}}) tells how far \
             each one's {{vision tokens}} lie from the words.",
            format_count(contrast.samples)
        ),
    );
    ui.add_space(4.0);
    let chart = Ruler {
        contrast,
        run: None,
    };
    let look = figure::look(ui, [ui.available_width(), 0.0]);
    figure::show(ui, &ruler(&chart, &look));
    faint(
        ui,
        "Disc: the training shown below; rings: the same with other seeds. Band: seed noise, where 19 of 20 \
         further seeds are expected.",
    );
}

/// What both answer.
fn answered(ui: &mut egui::Ui, contrast: &Contrast) {
    theme::left_aligned_card(ui, |ui| {
        ui.label(RichText::new("Their answers to the same questions").strong());
        let look = figure::look(ui, [ui.available_width(), 0.0]);
        figure::show(ui, &answers(contrast, &look));
        faint(
            ui,
            "Right answers about scenes that neither was trained on; lines: 95 % intervals.",
        );
    });
}

/// What the number is not for, with the way to where that can be seen.
fn one_training(ui: &mut egui::Ui, store: &mut Store) {
    let words = format!("Compare the ends of equally long trainings: {NO_PROGRESS}.");
    ui.add(egui::Label::new(words).wrap());
    if ui.button("See one training step by step").clicked() {
        store.compare_steps();
        store.view.tab = Tab::Compare;
    }
}

fn faint(ui: &mut egui::Ui, words: &str) {
    let words = RichText::new(words).small().color(colors(ui).faint);
    ui.add(egui::Label::new(words).wrap());
}
