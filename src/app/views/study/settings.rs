//! Every checkpoint of a study, and how its numbers go together.

use eframe::egui;

use super::{axis, bullet, quantities, table, variant};
use crate::{
    app::{
        figure, fold, glossary,
        landmark::{Landmark, mark},
        letters,
        store::Store,
        theme,
        views::scale,
    },
    figures::{Figure, StudyPlot, Target, axis_curves, mir_score, settings_plot},
    study::{StudyResults, sentences},
};

/// Width from which the view has two columns.
const WIDE: f32 = 980.0;
/// Sentences that are seen at once.
const FIRST_SENTENCES: usize = 5;

/// Draws the part.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    theme::card(ui, |ui| {
        ui.set_min_width(ui.available_width());
        intro(ui, store, results);
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
}

fn intro(ui: &mut egui::Ui, store: &Store, results: &StudyResults) {
    let study = &results.study;
    ui.heading("Every checkpoint");
    glossary::prose(
        ui,
        &format!(
            "{} small {{checkpoints}} that differ from one base in one thing at a time. Each answered \
             {{held-out questions}}, once more with the {{image blanked}}: what is right without the picture is guessed \
             from the words of the question. Here is what {{MIR}} has to do with the score. All of them are tiny: what \
             holds here need not hold for large models, nor the other way round.",
            study.variants.len()
        ),
    );
    glossary::prose(ui, &store.view.protocol.sentence());
    let all = sentences(results);
    let (first, others) = all.split_at(FIRST_SENTENCES.min(all.len()));
    for sentence in first {
        bullet(ui, sentence);
    }
    fold::show(
        ui,
        "more sentences",
        "More that the numbers say",
        false,
        |ui| {
            for sentence in others {
                bullet(ui, sentence);
            }
        },
    );
}

/// MIR against score, and the settings side by side.
fn left(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    theme::card(ui, |ui| {
        ui.heading("MIR against score");
        let height = (0.75 * ui.available_width()).clamp(300.0, letters::chart(ui, 430.0));
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
        let look = figure::look(ui, [ui.available_width(), letters::chart(ui, 560.0)]);
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
        scale::heading(ui, &mut store.view.scale);
        let mut plot = plot(store, results);
        plot.axis = plot.axis.or(results.study.pretraining());
        let look = figure::look(ui, [ui.available_width(), letters::chart(ui, 360.0)]);
        let selected = Some(store.view.layer);
        let figure = axis_curves(&plot, store.view.scale, selected, &look);
        if let Some(Target::Layer(layer)) = figure::show(ui, &figure).clicked {
            store.select_layer(layer);
        }
    });
}

/// What the plots show.
pub(super) fn plot<'a>(store: &Store, results: &'a StudyResults) -> StudyPlot<'a> {
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
