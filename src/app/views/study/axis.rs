//! Which axis is shown, and what it is.

use eframe::egui;

use crate::{
    app::{
        glossary::{self, Term},
        store::Store,
        theme,
    },
    study::{Metric, Over, StudyResults},
};

/// Draws the choice of the axis.
pub(super) fn chooser(ui: &mut egui::Ui, store: &mut Store, results: &StudyResults) {
    ui.add_space(4.0);
    ui.horizontal_wrapped(|ui| {
        ui.strong("What was varied:");
        let all = std::iter::once(("", "All"));
        let axes = results.study.axes.iter();
        let axes = axes.map(|axis| (axis.name.as_str(), axis.title.as_str()));
        let chosen = store
            .study_axis(results)
            .map_or("", |axis| axis.name.as_str());
        for (name, title) in all.chain(axes) {
            let response = ui.selectable_label(chosen == name, title);
            if response.clicked() {
                name.clone_into(&mut store.view.axis);
            }
        }
    });
}

/// Draws what the axis is, and how its MIR and score go together.
pub(super) fn about(ui: &mut egui::Ui, store: &Store, results: &StudyResults) {
    let faint = theme::colors(ui).faint;
    let axis = store.study_axis(results);
    match axis {
        Some(axis) => {
            ui.heading(&axis.title);
            glossary::prose(ui, &axis.explains);
            if !axis.source.is_empty() {
                ui.colored_label(faint, format!("Varied in {}.", axis.source));
            }
        }
        None => {
            ui.heading("All settings");
            glossary::prose(
                ui,
                "Every checkpoint of the study. Choose above what was varied to see it alone.",
            );
        }
    }
    let over = Over::axis(axis);
    let found = results.correlation(&over, &Metric::Mir, &Metric::Choice);
    if let Some(found) = found.filter(|found| found.rank.n > 1) {
        let words = format!(
            "MIR with score, {{rank correlation}}: {}.",
            found.rank.words()
        );
        let terms = [Term::Bootstrap, Term::AllOrders];
        glossary::prose(ui, &glossary::marked(&words, &terms));
    }
}
