//! How the pairs are measured.

use eframe::egui::{self, DragValue};

use crate::{
    app::{
        fold,
        glossary::{Term, term_as},
        theme,
    },
    engine::MeasureSettings,
    report::{Definition, TextMask},
};

/// Pairs that are proposed when not all are to be run.
const SOME_PAIRS: usize = 32;

/// Draws the settings; `available` is the number of pairs at hand.
pub fn show(ui: &mut egui::Ui, settings: &mut MeasureSettings, available: usize) {
    ui.horizontal_wrapped(|ui| {
        let mut all = settings.num_pairs.is_none();
        if ui.checkbox(&mut all, "all pairs").changed() {
            settings.num_pairs = (!all).then(|| SOME_PAIRS.min(available.max(1)));
        }
        if let Some(number) = &mut settings.num_pairs {
            let field = DragValue::new(number)
                .range(1..=available.max(1))
                .speed(0.2);
            ui.add(field).accessible_name("Number of pairs");
            ui.label(format!("of {available}"));
        }
    });
    ui.horizontal_wrapped(|ui| {
        let label = term_as(ui, Term::Seed, "Seed");
        ui.add(DragValue::new(&mut settings.seed).speed(0.1))
            .labelled_by(label.id);
    });
    fold::show(
        ui,
        "Definition and text mask",
        "Definition and text mask",
        false,
        |ui| {
            term_as(ui, Term::Definition, "Definition");
            for definition in Definition::ALL {
                ui.radio_value(&mut settings.definition, definition, definition.name());
                words(ui, definition.words());
            }
            ui.add_space(6.0);
            term_as(ui, Term::TextMask, "Text mask");
            let official = settings.definition.is_official();
            for mask in TextMask::ALL {
                let possible = !official || mask == TextMask::Official;
                ui.add_enabled_ui(possible, |ui| {
                    ui.radio_value(&mut settings.text_mask, mask, mask.name());
                });
                words(ui, mask.words());
            }
            if official {
                settings.text_mask = TextMask::Official;
                words(
                    ui,
                    "The official definitions reproduce the released script, its mask included.",
                );
            }
        },
    );
}

/// An explanation under a choice.
fn words(ui: &mut egui::Ui, text: &str) {
    let faint = theme::colors(ui).faint;
    ui.indent(text, |ui| {
        ui.label(egui::RichText::new(text).color(faint));
    });
}
