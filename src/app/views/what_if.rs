//! The alignment under other assumptions: what can be changed, and what becomes of it.

mod answer;
mod controls;

use eframe::egui;

use crate::{
    app::{
        figure,
        store::{Scale, Store},
        theme,
    },
    figures::{LayersChart, Overlay, Target, layers},
    report::Report,
};
use answer::{Changed, Outcome};

/// Width from which the controls stand beside the picture.
const WIDE: f32 = 900.0;
const CONTROLS: f32 = 320.0;

/// Draws the view.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let Some(report) = store.report().cloned() else {
        ui.label("There is no run to ask about.");
        return;
    };
    egui::ScrollArea::vertical().show(ui, |ui| {
        if ui.available_width() >= WIDE {
            ui.horizontal_top(|ui| {
                ui.allocate_ui_with_layout(
                    egui::vec2(CONTROLS, ui.available_height()),
                    egui::Layout::top_down(egui::Align::Min),
                    |ui| {
                        ui.set_width(CONTROLS);
                        theme::card(ui, |ui| controls::show(ui, store, &report));
                    },
                );
                ui.add_space(theme::GAP);
                ui.vertical(|ui| result(ui, store, &report));
            });
        } else {
            theme::card(ui, |ui| controls::show(ui, store, &report));
            ui.add_space(theme::GAP);
            result(ui, store, &report);
        }
    });
}

/// Before and after, as numbers and as curves.
fn result(ui: &mut egui::Ui, store: &mut Store, report: &Report) {
    // While a slider is held its last place is not known yet.
    let settled = !ui.input(|input| input.pointer.any_down());
    let outcome = answer::of(store, report, settled);
    theme::card(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.heading("Distance by layer");
            ui.selectable_value(&mut store.view.scale, Scale::Log, "Log");
            ui.selectable_value(&mut store.view.scale, Scale::Linear, "Linear");
        });
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
        let look = figure::look(ui, [ui.available_width(), 340.0]);
        let response = figure::show(ui, &layers(&chart, &look));
        if let Some(Target::Layer(layer)) = response.clicked {
            store.view.layer = layer;
        }
        numbers(ui, report, changed);
    });
}

fn numbers(ui: &mut egui::Ui, report: &Report, changed: Option<&Changed>) {
    let rate = |value: Option<f64>| value.map_or("undefined".to_owned(), |v| format!("{v:.4}"));
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
            format!("{n_vision}, {n_text}"),
            changed.map(|c| format!("{}, {}", c.tokens.0, c.tokens.1)),
        ),
    ];
    rows.push(("d", report.model.hidden_size.to_string(), None));
    egui::Grid::new("what-if numbers")
        .striped(true)
        .spacing([24.0, 6.0])
        .show(ui, |ui| {
            for title in ["", "as measured", "what if"] {
                ui.strong(title);
            }
            ui.end_row();
            for (name, before, after) in rows {
                ui.label(name);
                ui.monospace(before);
                ui.monospace(after.unwrap_or_default());
                ui.end_row();
            }
        });
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
    use crate::{app::store::Origin, report::Moments};

    #[test]
    fn a_recorded_run_can_be_scaled_and_says_why_not_more() {
        let mut store = Store::new();
        let mut report = store.report().unwrap().clone();
        for layer in &mut report.layers {
            let scale = layer.mean_norm_text * layer.mean_norm_text;
            layer.moments = Some(Moments {
                mean_vision: scale,
                mean_text: scale,
                mean_product: 0.5 * scale,
                trace_vision: scale,
                trace_text: scale,
                trace_root: 0.9 * scale,
            });
        }
        store.add("with moments".to_owned(), Origin::Opened, report);
        let mut harness = Harness::builder()
            .with_size(egui::vec2(1280.0, 900.0))
            .build_ui_state(show, store);
        harness.run();
        assert!(harness.query_by_label_contains("Run it here").is_some());
        let outliers = harness.get_by_label("Replace outliers");
        assert!(outliers.accesskit_node().is_disabled());
        let reset = harness.get_by_label("Back to as measured");
        assert!(reset.accesskit_node().is_disabled());
        harness.state_mut().view.vision_scale = 0.5;
        harness.run();
        if let Ok(dir) = std::env::var("LOOK") {
            harness
                .render()
                .unwrap()
                .save(format!("{dir}/what_if.png"))
                .unwrap();
        }
        harness.get_by_label("Back to as measured").click();
        harness.run();
        assert_eq!(harness.state().view.vision_scale, 1.0);
    }
}
