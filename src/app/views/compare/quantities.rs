//! Every quantity of two runs side by side: what either report holds, by its own description.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        figure, glossary, sideways,
        store::{Run, Store},
        theme,
    },
    figures::{Figure, Quantity, Target, quantity_words, signed, spark},
    report::{Difference, MetricReport, Report, difference},
};

/// Width and height of a quantity's curves.
const CURVES: [f32; 2] = [170.0, 36.0];

/// A compared run, and its place among them.
type Placed<'a> = (usize, &'a Run);

/// Draws the table of the two runs whose difference is shown; gives the layer that was clicked.
pub(super) fn show(ui: &mut egui::Ui, store: &Store) -> Option<usize> {
    let (base, other) = store.difference()?;
    let runs = store.compared();
    let place = |number: u64| {
        let found = runs.iter().position(|run| run.number == number);
        found.unwrap_or(0)
    };
    let sides = [(place(base.number), base), (place(other.number), other)];
    let mut clicked = None;
    let area = egui::ScrollArea::horizontal();
    sideways::show(ui, "quantities of two runs", area, |ui| {
        egui::Grid::new("table of quantities of two runs")
            .striped(true)
            .spacing([14.0, 6.0])
            .show(ui, |ui| {
                let faint = theme::colors(ui).faint;
                for title in [
                    "quantity",
                    &other.name,
                    &base.name,
                    "difference",
                    "by decoder layer",
                ] {
                    ui.label(RichText::new(title).small().color(faint));
                }
                ui.end_row();
                for pair in union(&base.report, &other.report) {
                    let curves = row(ui, sides, pair, store.view.layer);
                    clicked = clicked.or(figure::show(ui, &curves).clicked);
                    ui.end_row();
                }
            });
    });
    match clicked {
        Some(Target::Layer(layer)) => Some(layer),
        _ => None,
    }
}

/// A quantity of two reports: the base's and the other's, one of which may be missing.
type Pair<'a> = [Option<&'a MetricReport>; 2];

/// What either report holds, in the base's order; what only the other one has comes last.
fn union<'a>(base: &'a Report, other: &'a Report) -> Vec<Pair<'a>> {
    let both = base.metrics.iter();
    let both = both.map(|metric| [Some(metric), other.metric(&metric.id)]);
    let only = other.metrics.iter();
    let only = only.filter(|metric| base.metric(&metric.id).is_none());
    both.chain(only.map(|metric| [None, Some(metric)]))
        .collect()
}

/// Draws how far the other run's value lies from the base's, strong where that is beyond what other pairs would have
/// done, with its interval where there is one.
fn less(ui: &mut egui::Ui, found: Option<Difference>) {
    let Some(found) = found else {
        ui.monospace("-");
        return;
    };
    let mut text = RichText::new(signed(found.value)).monospace();
    if found.beyond == Some(true) {
        text = text.strong();
    }
    let Some([low, high]) = found.interval else {
        ui.label(text);
        return;
    };
    ui.vertical(|ui| {
        ui.label(text);
        let faint = theme::colors(ui).faint;
        let ends = format!("{} to {}", signed(low), signed(high));
        ui.label(RichText::new(ends).small().color(faint))
            .on_hover_text("95 % over pairs, each compared with itself in the other run.");
    });
}

/// Draws the cells but the last, whose figure it gives.
fn row(ui: &mut egui::Ui, sides: [Placed<'_>; 2], pair: Pair<'_>, selected: usize) -> Figure {
    let [base, other] = pair;
    if let Some(metric) = base.or(other) {
        glossary::told(ui, &metric.label, &metric.label, &metric.about);
    }
    for metric in [other, base] {
        match metric {
            Some(metric) => ui
                .monospace(quantity_words(metric.value))
                .on_hover_text(format!("Computed of {}", metric.basis)),
            None => ui.monospace("-").on_hover_text("Not in this run's report"),
        };
    }
    let [(_, first), (_, second)] = sides;
    let found = base.and_then(|metric| difference(&first.report, &second.report, &metric.id));
    less(ui, found);
    let curves: Vec<Quantity<'_>> = (sides.into_iter().zip(pair))
        .filter_map(|((place, run), metric)| {
            Some(Quantity {
                report: &run.report,
                metric: metric?,
                run: Some((place, &run.name)),
            })
        })
        .collect();
    spark(&curves, Some(selected), &figure::look_in_table(ui, CURVES))
}
