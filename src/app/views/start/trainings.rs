//! What is at stake: two trainings that differ in one thing, beside each other.

use eframe::egui::{self, RichText};

use super::{STAKE, side};
use crate::{
    app::{
        figure,
        glossary::prose,
        landmark::{Landmark, mark},
        store::{StartPart, Store},
        theme,
        views::alignment::clouds,
    },
    figures::{Ruler, answers, ruler},
    report::format_count,
    study::{Contrast, NO_PROGRESS},
};

/// From this width on both sides and the answers stand beside each other.
const WIDE: f32 = 1040.0;
/// From this width on both sides do.
const MIDDLE: f32 = 640.0;

/// Draws the part.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, contrast: &Contrast) {
    stake_card(ui, contrast);
    let width = ui.available_width();
    if width >= WIDE {
        ui.columns(3, |columns| {
            let [left, middle, right] = columns else {
                return;
            };
            side::show(left, store, contrast, 0);
            side::show(middle, store, contrast, 1);
            answered(right, contrast);
            further(right, store);
        });
    } else {
        if width >= MIDDLE {
            ui.columns(2, |columns| {
                let [left, right] = columns else { return };
                side::show(left, store, contrast, 0);
                side::show(right, store, contrast, 1);
            });
        } else {
            side::show(ui, store, contrast, 0);
            side::show(ui, store, contrast, 1);
        }
        answered(ui, contrast);
        further(ui, store);
    }
}

/// What is at stake, and the ruler.
pub(super) fn stake_card(ui: &mut egui::Ui, contrast: &Contrast) {
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        stake(ui, contrast);
        mark(ui, Landmark::Stake, ui.min_rect());
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
    ui.add(egui::Label::new(RichText::new(STAKE).heading().strong()).wrap());
    prose(
        ui,
        &format!(
            "Two {{connectors}} were trained for the same number of steps on the same {} pictures: one with the \
             captions that fit, the other with shuffled captions. The {{Modality Integration Rate}} ({{MIR}}) tells how \
             far each one's {{vision tokens}} lie from the words.",
            format_count(contrast.samples)
        ),
    );
    ui.add_space(4.0);
    let chart = Ruler {
        contrast,
        runs: &[],
        best: false,
    };
    let look = figure::look(ui, [ui.available_width(), 0.0]);
    figure::show(ui, &ruler(&chart, &look));
    theme::faint(
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
        theme::faint(
            ui,
            "Right answers about scenes that neither was trained on; lines: 95 % intervals. Chance: to each kind \
             of question always its most frequent answer; answers drawn at random are right less often.",
        );
    });
}

/// What the number is not for, with the way to where that can be seen.
fn one_training(ui: &mut egui::Ui, store: &mut Store) {
    let words = format!("Compare the ends of equally long trainings: {NO_PROGRESS}.");
    ui.add(egui::Label::new(words).wrap());
    if ui.button("See one training step by step").clicked() {
        store.view.part = Some(StartPart::Steps);
    }
}
