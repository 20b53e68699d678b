//! Two ellipses to hold, and the alignment under other assumptions: what can be changed, and what becomes of
//! it.

mod answer;
mod controls;
mod ellipses;

use eframe::egui;

use crate::{
    app::{
        downward, figure, glossary, letters, sideways,
        store::{Store, WhatIfPart},
        theme,
        views::scale,
    },
    figures::{LayersChart, Overlay, Target, layers},
    report::Report,
    words::grouped,
};
use answer::{Changed, Outcome};

/// Width from which the controls stand beside the picture.
const WIDE: f32 = 900.0;
const CONTROLS: f32 = 320.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let Some(report) = store.report().cloned() else {
        ui.label("No run selected.");
        return;
    };
    downward::page(ui, "what if", |ui| {
        let part = choice(ui, store);
        match part {
            WhatIfPart::Ellipses => ellipses::show(ui, store, &report),
            WhatIfPart::Run => run(ui, store, &report),
        }
    });
}

/// Which of the parts is shown.
fn choice(ui: &mut egui::Ui, store: &mut Store) -> WhatIfPart {
    let mut part = store.view.what_if_part();
    ui.horizontal_wrapped(|ui| {
        for (other, name) in [
            (WhatIfPart::Ellipses, "Hold the ellipses"),
            (WhatIfPart::Run, "Change what is measured"),
        ] {
            if ui.selectable_label(part == other, name).clicked() {
                part = other;
                store.view.what_if_shows = Some(other);
            }
        }
    });
    part
}

/// The run that is shown: what can be changed, and what becomes of it.
fn run(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    if ui.available_width() < WIDE {
        theme::card(ui, |ui| controls::show(ui, store, report));
        ui.add_space(theme::GAP);
        result(ui, store, report);
        return;
    }
    ui.horizontal_top(|ui| {
        ui.allocate_ui_with_layout(
            egui::vec2(letters::grown(ui, CONTROLS), ui.available_height()),
            egui::Layout::top_down(egui::Align::Min),
            |ui| {
                ui.set_width(ui.available_width());
                theme::card(ui, |ui| controls::show(ui, store, report));
            },
        );
        ui.add_space(theme::GAP);
        ui.vertical(|ui| result(ui, store, report));
    });
}

/// Before and after, as numbers and as curves.
fn result(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    // While a slider is held its last place is not known yet.
    let settled = !ui.input(|input| input.pointer.any_down());
    let outcome = answer::of(store, report, settled);
    theme::card(ui, |ui| {
        scale::heading(ui, &mut store.view.scale);
        let changed = match &outcome {
            Outcome::Unchanged => None,
            Outcome::Changed(changed) => Some(changed),
            Outcome::Waiting => {
                ui.horizontal(|ui| {
                    ui.spinner();
                    ui.label("Measuring the kept states again ...");
                });
                None
            }
            Outcome::Refused(reason) => {
                ui.colored_label(theme::colors(ui).alarm, reason);
                None
            }
        };
        headline(ui, report, changed);
        let chart = LayersChart {
            layers: &report.layers,
            scale: store.view.scale,
            selected: Some(store.view.layer),
            overlay: changed.map(|changed| Overlay {
                base: "as measured",
                name: "what if",
                distances: &changed.distances,
            }),
            intervals: report.distances(),
        };
        // The numbers below are to be seen with it.
        let tall = letters::height_beside(ui, 470.0, 220.0)
            .min(ui.available_width())
            .max(220.0);
        let look = figure::look(ui, [ui.available_width(), tall]);
        let response = figure::show(ui, &layers(&chart, &look));
        if let Some(Target::Layer(layer)) = response.clicked {
            store.view.layer = layer;
        }
        numbers(ui, report, changed);
    });
}

/// The rate as measured and as it would be.
fn headline(ui: &mut egui::Ui, report: &Report, changed: Option<&Changed>) {
    let rate = |value: Option<f64>| value.map_or("undefined".to_owned(), |v| format!("{v:.3}"));
    let words = match changed {
        None => format!("MIR {}", rate(report.mir)),
        Some(changed) => format!("MIR {} becomes {}", rate(report.mir), rate(changed.mir)),
    };
    ui.label(egui::RichText::new(words).heading());
}

fn numbers(ui: &mut egui::Ui, report: &Report, changed: Option<&Changed>) {
    let rate = |value: Option<f64>| value.map_or("undefined".to_owned(), |v| format!("{v:.4}"));
    let both = |vision, text| [vision, text].map(|n| grouped(n as u64)).join(", ");
    let (n_vision, n_text) = report.tokens();
    let mut rows = vec![
        ("MIR", rate(report.mir), changed.map(|c| rate(c.mir))),
        (
            "norm-matched MIR",
            rate(report.norm_matched_mir),
            changed.map(|c| rate(c.norm_matched_mir)),
        ),
        (
            "pairs",
            report.data.num_pairs.to_string(),
            changed.map(|c| c.num_pairs.to_string()),
        ),
        (
            "n vision, text",
            both(n_vision, n_text),
            changed.map(|c| both(c.tokens.0, c.tokens.1)),
        ),
    ];
    let width = report.model.hidden_size.to_string();
    rows.push(("d", width.clone(), changed.map(|_| width)));
    let grid = egui::Grid::new("what-if numbers")
        .striped(true)
        .spacing([24.0, 2.0])
        .min_row_height(24.0);
    sideways::show(
        ui,
        "what-if numbers",
        egui::ScrollArea::horizontal(),
        |ui| {
            grid.show(ui, |ui| {
                // Where nothing is changed there is one column of numbers.
                let titles = ["", "as measured", "what if"];
                for title in &titles[..2 + usize::from(changed.is_some())] {
                    ui.strong(*title);
                }
                ui.end_row();
                for (name, before, after) in rows {
                    glossary::named(ui, name.into());
                    ui.monospace(before);
                    if let Some(after) = after {
                        ui.monospace(after);
                    }
                    ui.end_row();
                }
            });
        },
    );
    ui.label(format!(
        "Definition {}, text mask {}.",
        report.definition, report.text_mask
    ));
}

#[cfg(test)]
mod tests {
    use egui_kittest::{
        Harness,
        kittest::{NodeT, Queryable},
    };

    use super::*;
    use crate::app::store::Origin;

    #[test]
    fn an_opened_run_can_be_scaled_and_says_why_not_more() {
        let mut store = Store::new();
        let report = store.report().unwrap().clone();
        store.add("opened".to_owned(), Origin::Opened, report);
        store.view.what_if_shows = Some(WhatIfPart::Run);
        let mut harness = Harness::builder()
            .with_size(egui::vec2(1280.0, 900.0))
            .build_ui_state(show, store);
        harness.run();
        assert!(harness.query_by_label("Replace outliers").is_none());
        assert!(harness.query_by_label_contains("is not loaded").is_some());
        assert!(harness.query_by_label("Reset to measured values").is_none());
        harness.state_mut().view.vision_scale = 0.5;
        harness.run();
        harness.get_by_label("Reset to measured values").click();
        harness.run();
        assert_eq!(harness.state().view.vision_scale, 1.0);
    }

    #[test]
    fn nothing_is_disabled_on_a_recording() {
        let mut store = Store::new();
        store.view.what_if_shows = Some(WhatIfPart::Run);
        let mut harness = Harness::builder()
            .with_size(egui::vec2(1280.0, 900.0))
            .build_ui_state(show, store);
        harness.run();
        let measured = harness.state().report().unwrap().mir.unwrap();
        harness.get_by_label_contains(&format!("MIR {measured:.3}"));
        for label in [
            "Replace outliers",
            "Calibrate the vision tokens (MoCa)",
            "20 pairs",
        ] {
            let control = harness.get_by_label(label);
            assert!(!control.accesskit_node().is_disabled(), "{label}");
            control.click();
            harness.run();
            harness.get_by_label_contains(&format!("MIR {measured:.3} becomes "));
            assert!(
                harness
                    .query_by_label_contains("recording holds other")
                    .is_none()
            );
        }
        assert_eq!(harness.state().view.what_if.num_pairs, Some(20));
        // What is not recorded is refused, not made up.
        harness.state_mut().view.what_if.num_pairs = Some(21);
        harness.run();
        harness.get_by_label_contains("recording holds other");
    }
}
