//! What moves MIR: a study of checkpoints, one thing varied at a time.

mod axis;
mod claims;
mod quantities;
mod table;
mod variant;

use std::sync::Arc;

use eframe::egui;

use crate::{
    app::{
        figure, glossary,
        landmark::{Landmark, mark},
        store::{KnownStudy, Scale, Store},
        theme,
    },
    figures::{Figure, StudyPlot, Target, axis_curves, mir_score, settings_plot},
    study::{StudyResults, sentences},
};

/// Width from which the view has two columns.
const WIDE: f32 = 980.0;
/// Sentences at the top; the others stand beside the claims.
const FIRST_SENTENCES: usize = 5;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let waker = ui.ctx().clone();
    store.study.poll(move || waker.request_repaint());
    egui::ScrollArea::vertical()
        .id_salt("study")
        .auto_shrink(false)
        .show(ui, |ui| match &store.study {
            KnownStudy::There(results) => {
                let results = Arc::clone(results);
                content(ui, store, &results);
            }
            KnownStudy::Unasked | KnownStudy::Coming(_) => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label("Fetching the study's results ...");
                });
            }
            KnownStudy::Absent => absent(ui),
            KnownStudy::Wrong(reason) => {
                ui.colored_label(theme::colors(ui).alarm, reason);
            }
        });
}

/// What is said where there is no study.
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

fn content(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        intro(ui, results);
        axis::chooser(ui, store, results);
    });
    theme::gap(ui);
    if ui.available_width() >= WIDE {
        ui.columns(2, |columns| {
            left(&mut columns[0], store, results);
            right(&mut columns[1], store, results);
        });
    } else {
        left(ui, store, results);
        theme::gap(ui);
        right(ui, store, results);
    }
    if !results.quantities().is_empty() {
        theme::gap(ui);
        theme::card(ui, |ui| {
            ui.set_min_width(ui.available_width());
            quantities::show(ui, store, results);
        });
    }
    theme::gap(ui);
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        claims::show(ui, store, results);
        mark(ui, Landmark::Claims, ui.min_rect());
    });
}

fn intro(ui: &mut egui::Ui, results: &StudyResults) {
    let study = &results.study;
    ui.heading("What moves MIR?");
    glossary::prose(
        ui,
        &format!(
            "{} small {{checkpoints}} that differ from one base in one thing at a time. Each answered \
             {{held-out questions}} and was measured; here is what its {{MIR}} has to do with its score. \
             All of them are tiny: what holds here need not hold for large models, nor the other way \
             round.",
            study.variants.len()
        ),
    );
    for sentence in sentences(results).iter().take(FIRST_SENTENCES) {
        bullet(ui, sentence);
    }
}

/// A sentence of a list.
pub(super) fn bullet(ui: &mut egui::Ui, sentence: &str) {
    ui.horizontal_top(|ui| {
        theme::dot(ui, theme::colors(ui).accent);
        ui.add(egui::Label::new(sentence.replace('`', "")).wrap());
    });
}

/// MIR against score, and the settings side by side.
fn left(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    theme::card(ui, |ui| {
        ui.heading("MIR against score");
        let height = (0.75 * ui.available_width()).clamp(300.0, 430.0);
        let look = figure::look(ui, [ui.available_width(), height]);
        let figure = mir_score(&plot(store, results), &look);
        ui.colored_label(theme::colors(ui).faint, &figure.summary);
        choose(ui, store, results, &figure);
        mark(ui, Landmark::Study, ui.min_rect());
    });
    theme::gap(ui);
    theme::card(ui, |ui| {
        let mut plot = plot(store, results);
        // Without an axis: along pre-training, where an order is given.
        plot.axis = plot.axis.or(results.study.pretraining());
        ui.heading(plot.axis.map_or("All settings", |axis| &axis.title));
        let look = figure::look(ui, [ui.available_width(), 560.0]);
        let figure = settings_plot(&plot, &look);
        choose(ui, store, results, &figure);
    });
}

/// The numbers of the axis, the selected variant, the layers.
fn right(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        axis::about(ui, store, results);
        table::show(ui, store, results);
    });
    theme::gap(ui);
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        variant::show(ui, store, results);
    });
    theme::gap(ui);
    theme::card(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.heading("Distance by layer");
            ui.selectable_value(&mut store.view.scale, Scale::Log, "Log");
            ui.selectable_value(&mut store.view.scale, Scale::Linear, "Linear");
        });
        let mut plot = plot(store, results);
        plot.axis = plot.axis.or(results.study.pretraining());
        let look = figure::look(ui, [ui.available_width(), 360.0]);
        let selected = Some(store.view.layer);
        let figure = axis_curves(&plot, store.view.scale, selected, &look);
        if let Some(Target::Layer(layer)) = figure::show(ui, &figure).clicked {
            store.view.layer = layer;
        }
    });
}

/// What the plots show.
fn plot<'a>(store: &Store, results: &'a StudyResults) -> StudyPlot<'a> {
    StudyPlot {
        results,
        axis: store.study_axis(results),
        selected: results.study.position(&store.view.variant),
    }
}

/// Shows a figure of variants; the one that is clicked becomes the selected one.
fn choose(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults, figure: &Figure) {
    if let Some(Target::Variant(index)) = figure::show(ui, figure).clicked
        && let Some(variant) = results.study.variants.get(index)
    {
        store.view.variant.clone_from(&variant.name);
    }
}
