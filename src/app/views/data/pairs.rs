//! Images, texts, and a list of pairs.

use eframe::egui;

use super::items;
use crate::{
    app::{
        fold,
        glossary::{Term, term_as},
        store::data::{Data, PairList, Wake},
        theme,
    },
    platform::PickKind,
    words::{counted, plural},
};

/// Most lines of errors that are shown before they are only counted.
const MOST_ERRORS: usize = 8;

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, data: &mut Data, wake: &Wake) {
    ui.horizontal_wrapped(|ui| {
        ui.heading("2");
        ui.add_space(2.0);
        term_as(
            ui,
            Term::Pair,
            egui::RichText::new("Images and texts").heading(),
        );
    });
    if !data.has_pairs() {
        ui.label(
            "Nothing added: the demo's own pairs are used. Add images and texts, which need not \
             match, or a list of pairs that do.",
        );
    }
    ui.horizontal_wrapped(|ui| {
        for (label, kind) in [
            ("Add images...", PickKind::Images),
            ("Add texts...", PickKind::Texts),
            ("Add a list of pairs...", PickKind::Pairs),
        ] {
            if ui.button(label).clicked() {
                data.pick(kind, wake);
            }
        }
        if data.has_pairs() && ui.button("Clear all").clicked() {
            data.clear_pairs();
        }
    });
    if let Some(list) = &data.list
        && listed(ui, list)
    {
        data.list = None;
    }
    items::images(ui, data);
    items::texts(ui, data);
    fold::show(
        ui,
        "Type or paste texts, one a line",
        "Type or paste texts, one a line",
        false,
        |ui| {
            let field = egui::TextEdit::multiline(&mut data.typed)
                .desired_width(f32::INFINITY)
                .desired_rows(3)
                .hint_text("A red circle on the left of a dog.");
            ui.add(field).accessible_name("Texts, one a line");
        },
    );
    fold::show(
        ui,
        "How a list of pairs looks",
        "How a list of pairs looks",
        false,
        |ui| {
            ui.label("A .jsonl file: one pair a line, image paths relative to the file.");
            ui.monospace("{\"image\": \"images/cat.png\", \"text\": \"A cat.\"}");
            ui.label("A line may also be a document, in which each text follows its image.");
            ui.monospace(
                "{\"images\": [\"cat.png\", \"dog.png\"], \"texts\": [\"A cat.\", \"A dog.\"]}",
            );
            ui.label(
                "LLaVA's conversations are taken as well, one a line or all in one .json list.",
            );
            ui.label("In a browser, add the images together with the list.");
        },
    );
    rejected(ui, data);
}

/// The list with its errors; whether it is to be removed.
fn listed(ui: &mut egui::Ui, list: &PairList) -> bool {
    let remove = ui
        .horizontal_wrapped(|ui| {
            ui.strong(list.file.name());
            ui.label(format!(
                "{} of {} can be run",
                list.usable(),
                counted(list.pairs.len(), "line")
            ));
            ui.button("Remove")
                .accessible_name("Remove the list")
                .clicked()
        })
        .inner;
    let alarm = theme::colors(ui).alarm;
    for (number, reason) in list.wrong().take(MOST_ERRORS) {
        let place = list.listed.place(list.file.name(), number);
        ui.colored_label(alarm, format!("{place}: {reason}"));
    }
    let more = list.wrong().skip(MOST_ERRORS).count();
    if more > 0 {
        ui.colored_label(alarm, format!("and {more} more {}", plural(more, "line")));
    }
    if let Some(note) = list.listed.note(list.file.name()) {
        ui.label(note);
    }
    remove
}

/// Files that are of no use here.
fn rejected(ui: &mut egui::Ui, data: &mut Data) {
    if data.rejected.is_empty() {
        return;
    }
    let alarm = theme::colors(ui).alarm;
    ui.separator();
    for error in data.rejected.iter().take(MOST_ERRORS) {
        ui.colored_label(alarm, error.to_string());
    }
    let more = data.rejected.len().saturating_sub(MOST_ERRORS);
    if more > 0 {
        ui.colored_label(alarm, format!("and {more} more {}", plural(more, "file")));
    }
    if ui.button("Dismiss").clicked() {
        data.rejected.clear();
    }
}
