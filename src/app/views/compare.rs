//! Several runs beside each other: which ones, their curves, their difference, their numbers.

mod choice;
mod numbers;
mod quantities;

use eframe::egui::{self, RichText};

use crate::{
    app::{
        downward,
        export::named,
        figure,
        landmark::{Landmark, mark},
        letters,
        store::{Run, Store},
        theme,
        views::{on_ruler, scale},
    },
    figures::{Figure, Named, Target, compare, difference, mir_per_run},
};

/// Width from which the view has two columns.
const WIDE: f32 = 980.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    downward::page(ui, "compare", |ui| {
        if ui.available_width() >= WIDE {
            ui.columns(2, |columns| {
                left(&mut columns[0], store);
                right(&mut columns[1], store);
            });
        } else {
            left(ui, store);
            ui.add_space(theme::GAP);
            right(ui, store);
        }
    });
}

/// Which runs, and their numbers.
fn left(ui: &mut egui::Ui, store: &mut Store) {
    theme::card(ui, |ui| choice::show(ui, store));
    ui.add_space(theme::GAP);
    theme::card(ui, |ui| {
        ui.heading("Modality Integration Rate");
        let runs = store.compared();
        if runs.is_empty() {
            ui.label("Choose a run above.");
            return;
        }
        let runs: Vec<Named<'_>> = runs.into_iter().map(named).collect();
        let look = figure::look(ui, [ui.available_width(), 0.0]);
        let figure = mir_per_run(&runs, None, &look);
        figure::show(ui, &figure);
        let placed: Vec<(&str, &Run)> = (store.compared().into_iter())
            .map(|run| (run.name.as_str(), run))
            .collect();
        on_ruler::of_runs(ui, store, &placed);
        ui.add_space(theme::GAP);
        numbers::show(ui, &runs);
        if let Some(words) = store.along_compared() {
            ui.add_space(theme::GAP);
            ui.label(RichText::new(words).strong());
        }
    });
    mark(ui, Landmark::Compare, ui.min_rect());
}

/// The curves and the difference of two of them.
fn right(ui: &mut egui::Ui, store: &mut Store) {
    theme::card(ui, |ui| {
        scale::heading(ui, &mut store.view.scale);
        let runs: Vec<Named<'_>> = store.compared().into_iter().map(named).collect();
        if runs.is_empty() {
            ui.label("Choose a run to see its curve.");
            return;
        }
        let look = figure::look(ui, [ui.available_width(), letters::chart(ui, 330.0)]);
        let figure = compare(&runs, store.view.scale, Some(store.view.layer), &look);
        select_layer(ui, store, &figure);
    });
    ui.add_space(theme::GAP);
    theme::card(ui, |ui| {
        ui.heading("Difference of two");
        if store.compared().len() < 2 {
            ui.label("Choose two runs to see how they differ.");
            return;
        }
        choice::two(ui, store);
        let Some((base, other)) = store.difference() else {
            ui.label("Choose two runs that are not the same one.");
            return;
        };
        let look = figure::look(ui, [ui.available_width(), letters::chart(ui, 240.0)]);
        let selected = Some(store.view.layer);
        let figure = difference(named(base), named(other), selected, &look);
        ui.label(&figure.summary);
        select_layer(ui, store, &figure);
        ui.add_space(theme::GAP);
        if let Some(layer) = quantities::show(ui, store) {
            store.select_layer(layer);
        }
    });
}

/// Shows a figure of layers; the one that is clicked becomes the selected one.
fn select_layer(ui: &mut egui::Ui, store: &mut Store, figure: &Figure) {
    if let Some(Target::Layer(layer)) = figure::show(ui, figure).clicked {
        store.select_layer(layer);
    }
}

#[cfg(test)]
mod tests {
    use egui_kittest::{Harness, kittest::Queryable};

    use super::*;
    use crate::app::store::Origin;

    fn harness(runs: &[&str]) -> Harness<'static, Store> {
        let mut store = Store::new();
        let mut report = store.report().unwrap().clone();
        store.runs.clear();
        for name in runs {
            report.layers[0].frechet += 1.0;
            store.add((*name).to_owned(), Origin::Opened, report.clone());
        }
        Harness::builder()
            .with_size(egui::vec2(1280.0, 900.0))
            .build_ui_state(show, store)
    }

    #[test]
    fn runs_are_chosen_and_their_difference_follows() {
        let mut harness = harness(&["first", "second", "third"]);
        let names = |store: &Store| {
            let (base, other) = store.difference().unwrap();
            format!("{} {}", base.name, other.name)
        };
        harness.run();
        assert_eq!(names(harness.state()), "first third");
        harness
            .get_by_role_and_label(egui::Role::CheckBox, "third")
            .click();
        harness.run();
        assert_eq!(harness.state().compared().len(), 2);
        assert_eq!(names(harness.state()), "first second");
        harness
            .get_by_role_and_label(egui::Role::CheckBox, "first")
            .click();
        harness.run();
        assert!(harness.state().difference().is_none());
        assert!(harness.query_by_label_contains("Choose two runs").is_some());
    }

    #[test]
    fn a_step_of_the_demo_is_one_click_away() {
        let mut harness = harness(&["first"]);
        harness.run();
        assert!(!harness.state().is_busy());
        let label = "Measure the untrained connector here";
        harness.get_by_label(label).click();
        harness.run_steps(2);
        assert!(harness.state().is_busy());
    }
}
