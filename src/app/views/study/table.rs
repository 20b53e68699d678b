//! The numbers of an axis' settings.

use eframe::egui::{self, RichText};

use crate::{
    app::{glossary, sideways, store::Store, theme},
    study::{Metric, StudyResults, Variant},
};

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
    let shares = "Score, blanked, swapped and few-shot: % of the questions.";
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
                ui.strong("setting");
                for metric in &metrics {
                    glossary::named(ui, RichText::new(title(metric)).strong());
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

/// A column's title, short.
fn title(metric: &Metric) -> String {
    match metric {
        Metric::NormMatchedMir => "norm-matched".to_owned(),
        Metric::ChoiceBlank => "blanked".to_owned(),
        Metric::ChoiceSwapped => "swapped".to_owned(),
        Metric::CaptionLoss => "loss".to_owned(),
        Metric::TextPerplexity => "perplexity".to_owned(),
        Metric::FewShot(shots) => format!("{shots}-shot"),
        other => other.title(),
    }
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
