//! Which checkpoint is measured, and what it needs.

use eframe::egui;

use super::hub;

use crate::{
    app::{
        glossary::{Term, term_as},
        store::{
            Store,
            data::{Data, Inspected, ModelChoice, Wake},
        },
        theme,
    },
    engine::demo_connectors,
    platform::PickKind,
    report::{DeviceGrant, Inspection, format_bytes},
    words::counted,
};

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, store: &mut Store, wake: &Wake) {
    let data = &mut store.data;
    ui.horizontal_wrapped(|ui| {
        ui.heading("1");
        ui.add_space(2.0);
        term_as(
            ui,
            Term::Checkpoint,
            egui::RichText::new("Checkpoint").heading(),
        );
    });
    demo(ui, data);
    if let ModelChoice::Picked { name, files } = &data.model {
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let line = format!(
            "{name}: {}, {}",
            counted(files.len(), "file"),
            format_bytes(bytes)
        );
        let _ = ui.radio(true, line);
        inspected(ui, &data.inspected);
    }
    ui.horizontal_wrapped(|ui| {
        if ui.button("Choose a folder...").clicked() {
            data.pick(PickKind::Folder, wake);
        }
        if ui.button("Choose its files...").clicked() {
            data.pick(PickKind::Checkpoint, wake);
        }
    });
    ui.label(
        egui::RichText::new(
            "A Hugging Face folder with config.json, tokenizer.json and weights (.safetensors, or PyTorch's \
             .bin and .pth), or the two .gguf files of a model that sees.",
        )
        .color(theme::colors(ui).faint),
    );
    hub::offers(ui, data);
    hub::state(ui, store);
    if matches!(store.data.model, ModelChoice::Hub(_)) && store.data.inspected != Inspected::Wanted
    {
        inspected(ui, &store.data.inspected);
    }
}

/// The demo's checkpoint with each of its connectors.
fn demo(ui: &mut egui::Ui, data: &mut Data) {
    for connector in demo_connectors() {
        // The trained one is the checkpoint's own.
        let choice = ModelChoice::Demo(connector.file.is_some().then(|| connector.name.clone()));
        let selected = data.model == choice;
        let response = ui.radio(selected, format!("Demo, {} connector", connector.name));
        if response.on_hover_text(&connector.description).clicked() {
            data.choose_model(choice);
        }
    }
}

fn inspected(ui: &mut egui::Ui, inspected: &Inspected) {
    match inspected {
        Inspected::Nothing | Inspected::PlanWanted | Inspected::Planned(_) => {}
        Inspected::Wanted => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label("Looking at the checkpoint...");
            });
        }
        Inspected::Refused(reason) => {
            ui.colored_label(theme::colors(ui).alarm, reason);
        }
        Inspected::Known(inspection) => summary(ui, inspection),
    }
}

fn summary(ui: &mut egui::Ui, inspection: &Inspection) {
    let model = &inspection.model;
    ui.indent("inspection", |ui| {
        ui.label(format!(
            "{}, {:.1} million parameters in {}",
            model.architecture,
            model.parameters as f64 / 1e6,
            model.dtype
        ));
        for part in &model.parts {
            ui.label(part);
        }
        ui.label(format!(
            "{} of d = {}; {} per image, prompts of at most {}",
            counted(model.num_hidden_layers, "layer"),
            model.hidden_size,
            counted(inspection.image_tokens, "token"),
            counted(inspection.context, "token")
        ));
        needs(ui, inspection);
        for note in &inspection.notes {
            ui.label(note);
        }
        if let (Some(obstacle), Some(_)) = (&inspection.obstacle, &inspection.device) {
            let line = format!("It cannot be measured: {obstacle}");
            ui.colored_label(theme::colors(ui).alarm, line);
        }
    });
}

/// What the checkpoint needs beside what the adapter grants.
fn needs(ui: &mut egui::Ui, inspection: &Inspection) {
    let colors = theme::colors(ui);
    let Some(DeviceGrant {
        device,
        max_buffer_size,
        max_storage_buffer_binding_size,
        ..
    }) = &inspection.device
    else {
        ui.colored_label(colors.alarm, "No adapter was found that could run it.");
        return;
    };
    let most = (*max_buffer_size).min(*max_storage_buffer_binding_size);
    ui.label(format!(
        "Needs {} for its weights, and {} of states for every 1,000 tokens.",
        format_bytes(inspection.weight_bytes),
        format_bytes(inspection.state_bytes_per_1000_tokens)
    ));
    ui.label(format!(
        "Largest tensor {}; {} takes {} at once{}.",
        format_bytes(inspection.largest_buffer_bytes),
        device.adapter,
        format_bytes(most),
        if inspection.largest_buffer_bytes > most {
            ", so it is split"
        } else {
            ""
        }
    ));
}
