//! Where rates lie between those of the study: what every headline number has beside it.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        figure,
        store::{Run, Store},
        theme,
    },
    figures::{Ruler, ruler},
    report::format_count,
    study::{Contrast, NO_PROGRESS, NOT_SAID, RecordedModel},
};

/// Draws named rates on the ruler of the study, with what is on it and what the rates do not say.
pub fn show(ui: &mut egui::Ui, contrast: &Contrast, runs: &[(&str, f64)]) {
    // In a column words would be stretched to its width.
    ui.vertical(|ui| placed(ui, contrast, runs));
}

fn placed(ui: &mut egui::Ui, contrast: &Contrast, runs: &[(&str, f64)]) {
    let chart = Ruler {
        contrast,
        runs,
        best: true,
    };
    let look = figure::look(ui, [ui.available_width(), 0.0]);
    figure::show(ui, &ruler(&chart, &look));
    let best = contrast.best.as_ref().map_or_else(String::new, |best| {
        format!(
            " Hollow triangle: among trainings as long, the one with the most right answers, setting \u{201c}{}\u{201d}.",
            best.label
        )
    });
    theme::faint(
        ui,
        &format!(
            "Discs: the study's base and its control, shuffled captions; rings: other seeds; bands: seed noise, \
             where 19 of 20 further seeds are expected.{best}"
        ),
    );
    not_said(ui);
}

/// What the number does not say.
pub fn not_said(ui: &mut egui::Ui) {
    ui.add(egui::Label::new(RichText::new(NOT_SAID).small()).wrap());
}

/// The ruler for runs of one view: those that were measured as the study was. Of others it says why there is none.
pub fn of_runs(ui: &mut egui::Ui, store: &Store, runs: &[(&str, &Run)]) {
    ui.vertical(|ui| compared(ui, store, runs));
}

fn compared(ui: &mut egui::Ui, store: &Store, runs: &[(&str, &Run)]) {
    let Some(contrast) = &store.contrast else {
        return not_said(ui);
    };
    let mut known = Vec::new();
    for (name, run) in runs {
        if let Some(mir) = run.report.mir.filter(|_| fits(contrast, run)) {
            known.push((*name, mir));
        }
    }
    if known.is_empty() {
        theme::faint(
            ui,
            "There is no ruler for this number: the study's was measured with other models, tokens or another \
             definition. Compare it with runs that were measured alike; lower: nearer to the words.",
        );
        return not_said(ui);
    }
    placed(ui, contrast, &known);
    let steps = runs.iter().filter(|(_, run)| run.step().is_some());
    let mut seen: Vec<String> = (steps.filter_map(|(_, run)| run.samples()))
        .map(format_count)
        .collect();
    seen.dedup();
    if !seen.is_empty() {
        let words = format!(
            "The trainings on the ruler saw {} pairs each, the demo's connector {}: {NO_PROGRESS}.",
            format_count(contrast.samples),
            seen.join(", ")
        );
        ui.add(egui::Label::new(RichText::new(words).small()).wrap());
    }
}

/// Whether a run has a place on the ruler.
fn fits(contrast: &Contrast, run: &Run) -> bool {
    let ours = matches!(run.model, Some(RecordedModel::Study(_))) || run.step().is_some();
    ours && contrast.is_measured_as(&run.report)
}
