//! The numbers of the selected layer.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        glossary,
        store::Store,
        theme::{card, colors},
    },
    report::{LayerReport, format_significant},
};

/// Draws the card.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let layer = store.view.layer;
    let Some(report) = store.report() else {
        return;
    };
    let Some(found) = report.layers.get(layer.wrapping_sub(1)) else {
        return;
    };
    let share = report.share(found);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(format!("Layer {layer}")).strong());
            ui.label(RichText::new(&found.state).small().color(colors(ui).faint));
        });
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = egui::vec2(20.0, 6.0);
            for (name, value, meaning) in values(found, share) {
                // Known beforehand, so that a narrow window breaks the row.
                let size = room(ui, name, &value);
                ui.allocate_ui_with_layout(size, egui::Layout::top_down(egui::Align::Min), |ui| {
                    glossary::named(ui, RichText::new(name).small().color(colors(ui).faint));
                    ui.label(RichText::new(value).monospace());
                })
                .response
                .on_hover_text(meaning);
            }
        });
    });
}

/// The size of a name above its value.
fn room(ui: &egui::Ui, name: &str, value: &str) -> egui::Vec2 {
    let size = |words: &str, style: egui::TextStyle| {
        let font = style.resolve(ui.style());
        let ink = ui.visuals().text_color();
        ui.painter()
            .layout_no_wrap(words.to_owned(), font, ink)
            .size()
    };
    let name = size(name, egui::TextStyle::Small);
    let value = size(value, egui::TextStyle::Monospace);
    let between = ui.spacing().item_spacing.y;
    // A term is underlined, a point beyond its letters on each side.
    egui::vec2(name.x.max(value.x) + 4.0, name.y + value.y + between)
}

/// Name, value and meaning of each number.
fn values(layer: &LayerReport, share: Option<f64>) -> Vec<(&'static str, String, &'static str)> {
    let mut values = vec![
        (
            "distance",
            format_significant(layer.frechet),
            "The layer's term: the squared Fréchet distance between its vision and text tokens",
        ),
        (
            "location",
            format_significant(layer.location),
            "The part due to different means",
        ),
        (
            "spread",
            format_significant(layer.spread),
            "The part due to different total variance",
        ),
        (
            "shape",
            format_significant(layer.shape),
            "The part due to variance in different directions",
        ),
    ];
    if let Some(share) = share {
        values.push((
            "share of sum",
            format!("{:.1} %", 100.0 * share),
            "The layer's share of the sum that MIR is the logarithm of",
        ));
    }
    if let Some(ratio) = layer.norm_ratio() {
        values.push((
            "norm v/t",
            format!("{ratio:.3}"),
            "Mean length of the vision tokens over that of the text tokens",
        ));
    }
    values.push((
        "outliers",
        format!("{} + {}", layer.outliers_vision, layer.outliers_text),
        "Vision and text tokens whose norm stood out; they were replaced",
    ));
    values
}
