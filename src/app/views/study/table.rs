//! The numbers of an axis' settings.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        glossary::{self, Term},
        sideways,
        store::Store,
        theme,
    },
    study::{Metric, StudyResults, Variant},
};

/// What a row is.
const SETTING: &str = "A trained checkpoint, called by what differs from the base. The same from another seed: \
                       trained again with other random numbers. Click one to see more of it below.";

/// Draws the table; a click on a setting selects it.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    let study = &results.study;
    let settings: Vec<&Variant> = match store.study_axis(results) {
        Some(axis) => study.settings(axis).collect(),
        None => study.first_seeds().collect(),
    };
    let mut metrics = vec![
        Metric::Mir,
        Metric::Choice,
        Metric::ChoiceBlank,
        Metric::ChoiceSwapped,
        Metric::CaptionLoss,
        Metric::TextPerplexity,
    ];
    for shots in results.shots() {
        let there = |variant: &&Variant| variant.scores.few_shot.contains_key(&shots);
        if settings.iter().any(there) {
            metrics.push(Metric::FewShot(shots));
        }
    }
    metrics.push(Metric::NormMatchedMir);
    let shares =
        "Point at a heading or tap it to read what it is. \u{b1}: half of the 95 % interval.";
    ui.label(RichText::new(shares).small().color(theme::colors(ui).faint));
    let height = if store.study_axis(results).is_some() {
        f32::INFINITY
    } else {
        420.0
    };
    let area = egui::ScrollArea::both()
        .max_height(height)
        .auto_shrink([false, true]);
    sideways::show(ui, "study table", area, |ui| {
        egui::Grid::new("settings of the axis")
            .striped(true)
            .spacing([16.0, 5.0])
            .show(ui, |ui| {
                let title = RichText::new("setting").strong();
                glossary::told(ui, title, "setting", SETTING);
                for metric in &metrics {
                    let (term, title) = title_of(metric);
                    glossary::term_as(ui, term, RichText::new(title).strong());
                }
                ui.end_row();
                for setting in settings {
                    row(ui, store, results, setting, &metrics);
                    for seed in study.replicates(&setting.name) {
                        row(ui, store, results, seed, &metrics);
                    }
                }
            });
    });
}

/// A column's title, in two lines where it is long, and the term that explains it.
fn title_of(metric: &Metric) -> (Term, String) {
    let (term, title) = match metric {
        Metric::NormMatchedMir => (Term::NormMatched, "norm-matched\nMIR"),
        Metric::Choice => (Term::HeldOut, "right\nanswers (%)"),
        Metric::ChoiceBlank => (Term::Blanked, "image\nblanked (%)"),
        Metric::ChoiceSwapped => (Term::Blanked, "another\nimage (%)"),
        Metric::CaptionLoss => (Term::CaptionLoss, "caption\nloss"),
        Metric::TextPerplexity => (Term::Perplexity, "text\nperplexity"),
        Metric::FewShot(shots) => {
            return (Term::FewShot, format!("after {shots}\nexamples (%)"));
        }
        other => return (Term::Mir, other.title()),
    };
    (term, title.to_owned())
}

fn row(
    ui: &mut egui::Ui,
    store: &mut Store,
    results: &StudyResults,
    variant: &Variant,
    metrics: &[Metric],
) {
    let chosen = store.view.variant == variant.name;
    let faint = theme::colors(ui).faint;
    let mut label = RichText::new(&variant.label);
    if variant.replicate_of.is_some() {
        label = label.color(faint);
    }
    if ui
        .selectable_label(chosen, label)
        .on_hover_text(&variant.name)
        .clicked()
    {
        store.view.variant.clone_from(&variant.name);
    }
    for metric in metrics {
        let value = metric.value(results, variant);
        let mut text = value.map_or_else(|| "-".to_owned(), |value| metric.text(value));
        // The unit stands above the table.
        if let Some(share) = text.strip_suffix(" %") {
            text = share.to_owned();
        }
        if let (Metric::Choice, Some(score)) = (metric, metric.score(variant)) {
            text += &format!(" \u{b1}{:.1}", 50.0 * (score.high - score.low));
        }
        ui.monospace(text);
    }
    ui.end_row();
}
