//! Which runs are compared, and how to get more of them.

use eframe::egui;

use crate::app::{
    store::{Origin, Run, Store, TRAINED},
    theme,
};

/// The steps of the demo connector's training.
const STEPS: [&str; 3] = ["untrained", "halfway", TRAINED];

/// Draws the list of runs and the demo's steps.
pub(super) fn show(ui: &mut egui::Ui, store: &mut Store) {
    // As wide as the cards below it, however short its lines are.
    ui.set_min_width(ui.available_width());
    ui.heading("Runs");
    let palette = theme::palette(ui);
    let mut compared = 0;
    for run in &store.runs {
        let left_out = &mut store.comparing.left_out;
        let mut chosen = !left_out.contains(&run.number);
        ui.horizontal_wrapped(|ui| {
            let swatch = chosen.then(|| palette.runs[compared % palette.runs.len()]);
            let (rect, _) = ui.allocate_exact_size(egui::vec2(10.0, 10.0), egui::Sense::hover());
            if let Some(color) = swatch {
                let color = egui::Color32::from_rgb(color.red, color.green, color.blue);
                ui.painter().circle_filled(rect.center(), 5.0, color);
            }
            if ui.checkbox(&mut chosen, &run.name).changed() {
                if chosen {
                    left_out.remove(&run.number);
                } else {
                    left_out.insert(run.number);
                }
            }
            let colors = theme::colors(ui);
            ui.colored_label(colors.faint, about(run));
        });
        compared += usize::from(chosen);
    }
    ui.add_space(theme::GAP);
    ui.horizontal_wrapped(|ui| {
        ui.label("The demo's connector along its one training:");
        if ui.button("Compare all of its steps").clicked() {
            store.compare_steps();
        }
    });
    for step in STEPS {
        ui.horizontal_wrapped(|ui| demo_step(ui, store, step));
    }
    ui.label("A report (JSON) dropped on the window joins the list.");
}

fn about(run: &Run) -> String {
    let origin = match run.origin {
        Origin::Recorded => "recorded",
        Origin::Measured => "measured here",
        Origin::Opened => "opened",
    };
    match run.report.mir {
        Some(mir) => format!("MIR {mir:.3}, {origin}"),
        None => format!("MIR undefined, {origin}"),
    }
}

/// One step: the run that is there, and measuring it.
fn demo_step(ui: &mut egui::Ui, store: &mut Store, step: &str) {
    let known = store.runs.iter().rev().find(|run| is_step(run, step));
    let number = known.map(|run| run.number);
    let button = ui.add_enabled(number.is_some(), egui::Button::new(step));
    let button = button.on_disabled_hover_text("There is no run of it yet: measure it.");
    if let Some(number) = number.filter(|_| button.clicked()) {
        store.comparing.left_out.remove(&number);
        store.comparing.other = Some(number);
    }
    let measure = ui.add_enabled(!store.is_busy(), egui::Button::new("Measure here"));
    let label = format!("Measure the {step} connector here");
    measure.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), &label));
    let measure = measure.on_disabled_hover_text("A measurement is under way.");
    if measure.clicked() {
        let connector = (step != TRAINED).then(|| step.to_owned());
        store.run_demo(connector, None);
    }
}

/// Whether a run is one of the demo with its connector as of a step.
fn is_step(run: &Run, step: &str) -> bool {
    run.step() == Some(step)
}

/// Draws the choice of the two runs whose difference is shown.
pub(super) fn two(ui: &mut egui::Ui, store: &mut Store) {
    let runs = store.compared();
    let names: Vec<(u64, String)> = runs
        .iter()
        .map(|run| (run.number, run.name.clone()))
        .collect();
    let Some((first, last)) = names.first().zip(names.last()) else {
        return;
    };
    let find = |number: Option<u64>, default: &(u64, String)| {
        let found = names.iter().find(|(known, _)| Some(*known) == number);
        found.unwrap_or(default).clone()
    };
    let (mut other, mut base) = (
        find(store.comparing.other, last),
        find(store.comparing.base, first),
    );
    ui.horizontal_wrapped(|ui| {
        for (label, chosen) in [("of", &mut other), ("minus", &mut base)] {
            let label = ui.label(label);
            let combo = egui::ComboBox::from_id_salt(("difference", label.id));
            let combo = combo.wrap().selected_text(&chosen.1);
            let response = combo.show_ui(ui, |ui| {
                for run in &names {
                    ui.selectable_value(chosen, run.clone(), &run.1);
                }
            });
            response.response.labelled_by(label.id);
        }
    });
    store.comparing.other = Some(other.0);
    store.comparing.base = Some(base.0);
}
