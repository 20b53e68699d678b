//! A conversation with a model about a picture: questions to click, the answer as it comes, what is right.

mod choice;
mod looks;
mod question;
mod turns;

use eframe::egui;

use crate::app::{
    downward,
    glossary::prose,
    landmark::{Landmark, mark},
    letters,
    store::{
        Store, Tab,
        ask::{Target, Whom},
    },
    theme::{self, GAP},
};

/// From this width on, the picture stands beside the conversation instead of above it.
const TWO_COLUMNS: f32 = 820.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    downward::page(ui, "ask", |ui| match store.target() {
        Ok(target) => panels(ui, store, &target),
        Err(reason) => refused(ui, store, &reason),
    });
}

/// There is nobody to ask.
fn refused(ui: &mut egui::Ui, store: &mut Store, reason: &str) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.heading("Ask the model");
        ui.label(reason);
        ui.horizontal_wrapped(|ui| {
            choice::models(ui, store, "No model");
            if ui.button("Choose model and data").clicked() {
                store.view.tab = Tab::Data;
            }
        });
    });
}

fn panels(ui: &mut egui::Ui, store: &mut Store, target: &Target) {
    if target.images.is_none() {
        store.ask.pictures.want();
    }
    store.follow_choice();
    let room = ui.available_width();
    if room < TWO_COLUMNS {
        picture_card(ui, store, target);
        theme::gap(ui);
        talk_card(ui, store, target);
        looks::cards(ui, store, target);
        return;
    }
    let left = (room * 0.36).clamp(300.0, letters::chart(ui, 460.0));
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        ui.vertical(|ui| {
            ui.set_width(left);
            picture_card(ui, store, target);
        });
        ui.vertical(|ui| {
            ui.set_width(room - left - GAP);
            talk_card(ui, store, target);
            looks::cards(ui, store, target);
        });
    });
}

fn picture_card(ui: &mut egui::Ui, store: &mut Store, target: &Target) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        let looked = looks::image(ui, store, target);
        choice::pictures(ui, store, target, !looked);
    });
}

fn talk_card(ui: &mut egui::Ui, store: &mut Store, target: &Target) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.strong("Ask");
            choice::models(ui, store, &target.name);
            let talked = !store.ask.turns.is_empty() && !store.is_asking();
            let anew = ui.add_enabled(talked, egui::Button::new("New conversation"));
            if anew.clicked() {
                store.ask.clear();
            }
        });
        if store.ask.turns.is_empty() {
            introduction(ui, store, target);
        }
        turns::show(ui, store);
        question::show(ui, store);
        mark(ui, Landmark::Ask, ui.min_rect());
    });
}

fn introduction(ui: &mut egui::Ui, store: &Store, target: &Target) {
    let answered = store.run().and_then(|run| run.answered);
    let share = match answered.filter(|_| store.ask.whom == Whom::Run && target.ours) {
        Some(share) => format!(
            " This model answers {:.0} % of such questions correctly.",
            share * 100.0
        ),
        None => String::new(),
    };
    let pictures = match (target.ours, target.images.is_none()) {
        (true, true) => {
            "None of these pictures was in its training. It was trained on questions of a few kinds, those below, and \
             knows no others."
        }
        _ => "The model runs on this device, and nothing leaves it.",
    };
    prose(
        ui,
        &format!(
            "Ask about the picture. The {{language model}} reads its {{vision tokens}}, then the question, \
             and answers {{token}} by {{token}}. {pictures}{share}"
        ),
    );
}
