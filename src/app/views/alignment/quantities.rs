//! What was computed beside the rates: any quantity that the report holds, by its own description.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        figure, glossary, sideways,
        store::Store,
        theme::{self, card, colors},
    },
    figures::{Quantity, Target, quantity_words, spark},
    report::MetricReport,
};

/// Width and height of a quantity's curve.
const CURVE: [f32; 2] = [180.0, 36.0];

/// Draws the card; nothing where there is no such quantity.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let selected = (!store.view.inputs).then_some(store.view.layer);
    let Some(report) = store.report() else {
        return;
    };
    let metrics: Vec<&MetricReport> = report.other_metrics().collect();
    if metrics.is_empty() {
        return;
    }
    let with_interval = metrics.iter().any(|metric| metric.interval.is_some());
    let mut clicked = None;
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.label(RichText::new("Other quantities").strong());
        let hint = "Other numbers of the same tokens; What moves MIR? says which of them went along with right \
                    answers in small models. Point at a name or tap it to read what it is and what it does not show.";
        theme::faint(ui, hint);
        let area = egui::ScrollArea::horizontal();
        sideways::show(ui, "other quantities", area, |ui| {
            egui::Grid::new("table of other quantities")
                .striped(true)
                .spacing([14.0, 6.0])
                .show(ui, |ui| {
                    for title in titles(selected, with_interval) {
                        ui.label(RichText::new(title).small().color(colors(ui).faint));
                    }
                    ui.end_row();
                    for metric in metrics {
                        let quantity = Quantity {
                            report,
                            metric,
                            run: None,
                        };
                        clicked = clicked.or(row(ui, quantity, selected, with_interval));
                        ui.end_row();
                    }
                });
        });
    });
    if let Some(Target::Layer(layer)) = clicked {
        store.select_state(layer);
    }
}

fn titles(selected: Option<usize>, with_interval: bool) -> Vec<String> {
    let at = selected.map_or("inputs".to_owned(), |layer| format!("layer {layer}"));
    let mut titles = vec!["quantity".to_owned(), "overall".to_owned()];
    if with_interval {
        titles.push("95 % interval".to_owned());
    }
    titles.extend([at, "by decoder layer".to_owned()]);
    titles
}

/// Draws the cells of a quantity; gives what was clicked in its curve.
fn row(
    ui: &mut egui::Ui,
    quantity: Quantity<'_>,
    selected: Option<usize>,
    with_interval: bool,
) -> Option<Target> {
    let metric = quantity.metric;
    glossary::told(ui, &metric.label, &metric.label, &metric.about);
    let overall = ui.monospace(quantity_words(metric.value));
    overall.on_hover_text(format!("Computed of {}", metric.basis));
    if with_interval {
        let interval = metric
            .interval
            .map(|ends| ends.map(|it| quantity_words(Some(it))));
        ui.monospace(interval.map_or("-".to_owned(), |[low, high]| format!("{low} to {high}")));
    }
    let here = selected.and_then(|layer| quantity.at_layer(layer));
    match here {
        Some(entry) => ui
            .monospace(quantity_words(entry.value))
            .on_hover_text(&entry.state),
        None => ui.monospace("-"),
    };
    let curve = spark(&[quantity], selected, &figure::look_in_table(ui, CURVE));
    figure::show(ui, &curve).clicked
}
