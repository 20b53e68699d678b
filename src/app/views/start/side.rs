//! One of the two trainings: its numbers and its clouds.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        figure, letters,
        store::{FITTING, Origin, Run, SHUFFLED, Store, Tab},
        theme::{self, colors},
    },
    figures::{Clouds, Limits, clouds, side_color},
    report::Axes,
    study::{Contrast, RecordedModel},
};

/// Draws the card of side 0, captions that fit, or 1, shuffled ones.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store, contrast: &Contrast, side: usize) {
    let found = &contrast.sides()[side];
    let name = [FITTING, SHUFFLED][side];
    let mut chosen = false;
    theme::left_aligned_card(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            let color = side_color(&figure::look(ui, [0.0; 2]), side);
            theme::dot(
                ui,
                egui::Color32::from_rgb(color.red, color.green, color.blue),
            );
            ui.label(RichText::new(name).strong());
            ui.label(format!("MIR {:.3},", found.mir()));
            ui.label(format!(
                "{:.0} % right answers",
                100.0 * found.answered.value
            ));
        });
        plane(ui, store, contrast, side);
        let button = ui.button("Look inside");
        let label = format!("Look inside: {name}");
        button
            .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), &label));
        chosen = button.clicked();
    });
    if chosen && let Some(index) = index_of(store, &found.folder) {
        store.show(index);
        store.view.tab = Tab::Alignment;
    }
}

/// The recorded run of a folder.
fn index_of(store: &Store, folder: &str) -> Option<usize> {
    let is_it = |run: &Run| {
        let model = &run.model;
        run.origin == Origin::Recorded
            && matches!(model, Some(RecordedModel::Study(found)) if found == folder)
    };
    store.runs.iter().position(is_it)
}

/// The clouds at the selected state, with the axes of both sides equally long.
fn plane(ui: &mut egui::Ui, store: &Store, contrast: &Contrast, side: usize) {
    let key = (store.view.state(), Axes::Own);
    let [fitting, shuffled] = contrast.sides().map(|side| {
        let run = store.runs.get(index_of(store, &side.folder)?)?;
        run.projections.get(&key)
    });
    let both = || fitting.into_iter().chain(shuffled);
    let Some(projection) = [fitting, shuffled][side] else {
        ui.colored_label(colors(ui).faint, "Nothing was recorded at this layer.");
        return;
    };
    let width = ui.available_width();
    // What stands above and below takes about 505 points.
    let tallest = letters::height_beside(ui, 505.0, 230.0);
    let chart = Clouds {
        projection,
        limits: Limits::of(both()),
        hovered: None,
        pair: None,
    };
    let look = figure::look(ui, [width, (0.85 * width).min(tallest)]);
    figure::show(ui, &clouds(&chart, &look));
    super::about_clouds(ui, super::CLOUDS, both());
}
