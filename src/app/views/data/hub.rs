//! Checkpoints of a model hub: three by name, any by its repository, and what would be fetched.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        progress,
        store::{
            Store,
            data::{Data, Inspected, ModelChoice, OFFERS},
        },
        theme,
    },
    engine::FetchPlan,
    report::format_bytes,
    words::counted,
};

/// Most files that are named before they are only counted.
const MOST_FILES: usize = 20;

/// Draws the models on offer and the field for others.
pub fn offers(ui: &mut egui::Ui, data: &mut Data) {
    ui.add_space(6.0);
    ui.label(RichText::new("From a model hub").strong());
    ui.label(
        RichText::new(
            "Fetched from Hugging Face and kept. Before anything is fetched you see which files it \
             would be.",
        )
        .color(theme::colors(ui).faint),
    );
    for offer in OFFERS {
        let chosen = matches!(&data.model, ModelChoice::Hub(id) if id.to_string() == offer.id);
        ui.horizontal_wrapped(|ui| {
            let response = ui.radio(chosen, offer.name).on_hover_text(offer.id);
            if response.clicked() {
                data.choose_repository(offer.id);
            }
            let facts = format!(
                "{} to fetch, {} of memory, {}",
                offer.size, offer.memory, offer.licence
            );
            ui.label(RichText::new(facts).color(theme::colors(ui).faint));
        });
    }
    if let ModelChoice::Hub(id) = &data.model
        && OFFERS.iter().all(|offer| id.to_string() != offer.id)
    {
        let _ = ui.radio(true, id.to_string());
    }
    ui.horizontal_wrapped(|ui| {
        let field = egui::TextEdit::singleline(&mut data.hub.typed)
            .desired_width((ui.available_width() - 80.0).clamp(120.0, 300.0))
            .hint_text("owner/name or owner/name@revision");
        let response = ui.add(field).accessible_name("Repository of a model hub");
        let entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
        let some = !data.hub.typed.trim().is_empty();
        let clicked = ui.add_enabled(some, egui::Button::new("Look")).clicked();
        if some && (clicked || entered) {
            let typed = data.hub.typed.clone();
            data.choose_repository(&typed);
        }
    });
    if let Some(refusal) = &data.hub.refusal {
        ui.colored_label(theme::colors(ui).alarm, refusal);
    }
}

/// Draws what is under way about a repository, or what the reader is asked.
pub fn state(ui: &mut egui::Ui, store: &mut Store) {
    let ModelChoice::Hub(id) = &store.data.model else {
        return;
    };
    let id = id.to_string();
    match &store.data.inspected {
        Inspected::PlanWanted => {
            ui.horizontal_wrapped(|ui| {
                ui.spinner();
                ui.label(format!("Asking the hub about {id}..."));
                stop(ui, store);
            });
        }
        Inspected::Planned(plan) => {
            let plan = plan.clone();
            planned(ui, &plan);
            let button = format!("Fetch {}", format_bytes(plan.missing()));
            if ui.add(theme::primary(ui, &button)).clicked() {
                store.data.agree();
            }
        }
        Inspected::Wanted => {
            ui.horizontal_wrapped(|ui| {
                ui.spinner();
                let line = progress::line(&store.work);
                ui.label(line.unwrap_or_else(|| format!("Looking at {id}...")));
                stop(ui, store);
            });
            if let Some(share) = progress::share(&store.work) {
                ui.add(egui::ProgressBar::new(share).desired_height(6.0));
            }
        }
        Inspected::Refused(_) => {
            if ui.button("Try again").clicked() {
                store.data.choose_repository(&id);
            }
        }
        Inspected::Nothing | Inspected::Known(_) => {}
    }
}

fn stop(ui: &mut egui::Ui, store: &mut Store) {
    if ui.button("Stop").clicked() {
        store.data.stop();
    }
}

/// The files, the licence, and what there is to know.
fn planned(ui: &mut egui::Ui, plan: &FetchPlan) {
    let faint = theme::colors(ui).faint;
    ui.indent("plan", |ui| {
        let licence = plan.licence.as_deref().unwrap_or("not stated");
        let here = match plan.here() {
            0 => String::new(),
            here => format!(", {} of it here", format_bytes(here)),
        };
        ui.label(format!(
            "{} in {}{here}; licence: {licence}",
            format_bytes(plan.total()),
            counted(plan.files.len(), "file"),
        ));
        if plan.gated {
            ui.label("Access has to be asked for on the repository's page.");
        }
        for planned in plan.files.iter().take(MOST_FILES) {
            let file = &planned.file;
            let state = match planned.here {
                here if here >= file.size => ", here",
                0 => "",
                _ => ", begun",
            };
            let line = format!("{} ({}{state})", planned.name(), format_bytes(file.size));
            ui.label(RichText::new(line).color(faint));
        }
        let more = plan.files.len().saturating_sub(MOST_FILES);
        if more > 0 {
            ui.label(RichText::new(format!("and {more} more")).color(faint));
        }
        for note in &plan.notes {
            ui.label(note);
        }
    });
}
