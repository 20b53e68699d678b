//! The layers' distances, what they are made of, and the norm ratio.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        figure,
        glossary::{self, Term},
        landmark::{Landmark, mark},
        letters,
        store::Store,
        theme::card,
        views::scale::choice,
    },
    figures::{self as charts, Figure, LayersChart, Scale, Target},
};

/// Heights of the three charts.
const HEIGHTS: [f32; 3] = [210.0, 140.0, 130.0];
/// Room left of the plots, so that the charts line up.
const LEFT: f32 = 64.0;

/// Width from which the choice of the axis stands at the right of the title.
const ASIDE: f32 = 240.0;

/// Draws the card.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.horizontal_wrapped(|ui| {
            glossary::term_as(
                ui,
                Term::Frechet,
                RichText::new("Distance by layer").strong(),
            );
            let scale = &mut store.view.scale;
            if ui.available_width() < letters::grown(ui, ASIDE) {
                choice(ui, scale, [Scale::Log, Scale::Linear]);
                return;
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                choice(ui, scale, [Scale::Linear, Scale::Log]);
            });
        });
        let width = ui.available_width();
        let Some(report) = store.report() else {
            return;
        };
        let selected = (!store.view.inputs).then_some(store.view.layer);
        let look = |height| charts::Look {
            left: letters::grown(ui, LEFT),
            ..figure::look(ui, [width, letters::chart(ui, height)])
        };
        let figures = [
            charts::layers(
                &LayersChart {
                    layers: &report.layers,
                    scale: store.view.scale,
                    selected,
                    overlay: None,
                    intervals: report.distances(),
                },
                &look(HEIGHTS[0]),
            ),
            charts::parts(&report.layers, selected, &look(HEIGHTS[1])),
            charts::norms(&report.layers, selected, &look(HEIGHTS[2])),
        ];
        for (index, figure) in figures.iter().enumerate() {
            let drawn = ui.scope(|ui| {
                if index > 0 {
                    ui.label(RichText::new(&figure.title).small());
                }
                pick(ui, store, figure);
            });
            if index == 2 {
                mark(ui, Landmark::Norms, drawn.response.rect);
            }
        }
        mark(ui, Landmark::Curve, ui.min_rect());
    });
}

/// Draws one chart; a click selects the layer.
fn pick(ui: &mut egui::Ui, store: &mut Store, figure: &Figure) {
    if let Some(Target::Layer(layer)) = figure::show(ui, figure).clicked {
        store.select_state(layer);
    }
}
