//! What moves MIR? What the papers claim and what became of it here, every checkpoint behind that, and connectors
//! between published models.

mod axis;
mod card;
mod cards;
mod quantities;
mod real;
mod settings;
mod table;
mod variant;

use std::sync::Arc;

use eframe::egui;

use crate::{
    app::{
        downward, glossary,
        landmark::{Landmark, mark},
        store::{Known, Store, StudyPart},
        theme,
    },
    study::Protocol,
};

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let waker = ui.ctx().clone();
    store.poll_studies(move || waker.request_repaint());
    let part = store.view.study_part();
    // Each part is where it was left.
    downward::page(ui, ("study", part), |ui| {
        parts(ui, store, part);
        match part {
            StudyPart::Claims => claims(ui, store),
            StudyPart::Settings => checkpoints(ui, store),
            StudyPart::RealParts => {
                if let Some(real) = known(ui, &store.real) {
                    real::show(ui, &real);
                }
            }
        }
    });
}

/// The parts, one of which is shown.
fn parts(ui: &mut egui::Ui, store: &mut Store, shown: StudyPart) {
    ui.horizontal_wrapped(|ui| {
        for part in StudyPart::ALL {
            let label = ui.selectable_label(part == shown, part.title());
            if label.clicked() {
                store.view.study_shows = Some(part);
            }
        }
    });
    theme::gap(ui);
}

/// The results where they are there; else what there is to say instead of them is drawn.
fn known<T>(ui: &mut egui::Ui, results: &Known<T>) -> Option<Arc<T>> {
    match results {
        Known::There(results) => return Some(Arc::clone(results)),
        Known::Unasked | Known::Coming(_) => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("Fetching the results ...");
            });
        }
        Known::Absent => absent(ui),
        Known::Wrong(reason) => {
            ui.colored_label(theme::colors(ui).alarm, reason);
        }
    }
    None
}

fn claims(ui: &mut egui::Ui, store: &mut Store) {
    // Cards are drawn of whatever is there: one of the two may be missing.
    let there = Protocol::ALL.map(|protocol| store.study_of(protocol).results().cloned());
    if there.iter().all(Option::is_none) {
        known(ui, &store.study);
        return;
    }
    for protocol in Protocol::ALL {
        if let Known::Wrong(reason) = store.study_of(protocol) {
            ui.colored_label(theme::colors(ui).alarm, reason);
        }
    }
    let results = there.each_ref().map(Option::as_deref);
    cards::show(ui, store, results);
}

fn checkpoints(ui: &mut egui::Ui, store: &mut Store) {
    ui.horizontal_wrapped(|ui| {
        ui.strong("How they were trained:");
        for protocol in Protocol::ALL {
            let chosen = store.view.protocol == protocol;
            if ui.selectable_label(chosen, protocol.title()).clicked() && !chosen {
                store.view.protocol = protocol;
                // The other study has settings of its own.
                store.view.axis.clear();
                store.view.variant.clear();
                store.view.study_shows = Some(StudyPart::Settings);
            }
        }
    });
    theme::gap(ui);
    if let Some(results) = known(ui, store.study_of(store.view.protocol)) {
        settings::show(ui, store, &results);
    }
}

/// What is said where there are no results.
fn absent(ui: &mut egui::Ui) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.heading("What moves MIR?");
        glossary::prose(
            ui,
            "There are no results of a study in this copy of mirscope. A study is a set of small \
             {checkpoints} that differ in one thing at a time: how long they were trained, on which \
             texts, with which {connector}. Measuring all of them shows what {MIR} follows and what it \
             does not.",
        );
        ui.label(
            "The recipe in training/ makes the checkpoints, and ./dev study measures them; a program or \
             page that is built afterwards shows the results here.",
        );
    });
    mark(ui, Landmark::Study, ui.min_rect());
}

/// A sentence of a list.
fn bullet(ui: &mut egui::Ui, sentence: &str) {
    ui.horizontal_top(|ui| {
        theme::dot(ui, theme::colors(ui).accent);
        glossary::prose(ui, &glossary::marked(sentence, glossary::STATISTICS));
    });
}
