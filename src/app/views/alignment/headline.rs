//! The number, what it means, and where it comes from.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        fold,
        glossary::{self, Term},
        landmark::{Landmark, mark},
        letters,
        store::{Origin, Store},
        theme::{card, colors},
        views::on_ruler,
    },
    report::{Report, format_count, format_seconds},
    words::counted,
};

/// Below this width the numbers stand above what they are computed from.
const NARROW: f32 = 480.0;
/// Below this width they stand above each other.
const TINY: f32 = 250.0;

/// Draws the card.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let Some(run) = store.run() else {
        return;
    };
    let (report, origin) = (&run.report, run.origin);
    card(ui, |ui| {
        ui.set_width(ui.available_width());
        let narrow = ui.available_width() < NARROW;
        let layout = match ui.available_width() < TINY {
            true => egui::Layout::top_down(egui::Align::Min),
            false => egui::Layout::left_to_right(egui::Align::Center),
        };
        let size = egui::vec2(ui.available_width(), 0.0);
        ui.allocate_ui_with_layout(size, layout, |ui| {
            ui.spacing_mut().item_spacing.x = 22.0;
            number(
                ui,
                "Modality Integration Rate",
                (report.mir, report.interval("mir")),
                "log10 of the sum of the layers' distances. Lower: the vision tokens lie nearer to the words.",
            );
            number(
                ui,
                "norm-matched",
                (report.norm_matched_mir, report.interval("norm-matched-mir")),
                "The same with each modality scaled to mean token norm 1: what remains when the \
                 different lengths of the vectors are taken out.",
            );
            if !narrow {
                basis(ui, report);
            }
        });
        if narrow {
            basis(ui, report);
        }
        on_ruler::of_runs(ui, store, &[("this run", run)]);
        if let Some(reason) = report.undefined_because() {
            ui.colored_label(colors(ui).alarm, format!("Undefined: {reason}."));
        }
        if let Some(warning) = warning(report) {
            ui.label(RichText::new(warning).small().color(colors(ui).faint));
        }
        origin_line(ui, report, origin);
        mark(ui, Landmark::Mir, ui.min_rect());
    });
}

/// What the number is computed from.
fn basis(ui: &mut egui::Ui, report: &Report) {
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(14.0, 3.0);
        // Rows of small text stand closer than rows of buttons.
        ui.spacing_mut().interact_size.y = 0.0;
        let (vision, text) = report.tokens();
        let tokens = format!(
            "{} vision and {} of {}",
            format_count(vision as u64),
            counted(text, "text token"),
            counted(report.data.num_pairs, "pair")
        );
        let width = report.model.hidden_size;
        let faint = |text: String| RichText::new(text).small().color(colors(ui).faint);
        let sizes = [
            (Term::Dimension, faint(format!("d = {width}"))),
            (
                Term::PerDimension,
                faint(format!("n/d = {:.1}", report.tokens_per_dimension())),
            ),
        ];
        let definition_name = faint("definition".to_owned());
        let found = faint(report.definition.to_string());
        ui.label(RichText::new(tokens).small());
        ui.horizontal(|ui| {
            for (term, text) in sizes {
                glossary::term_as(ui, term, text);
            }
        });
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            glossary::named(ui, definition_name);
            ui.label(found).on_hover_text(definition(report));
        });
    });
}

/// A rate in large type; under it its interval over pairs.
fn number(
    ui: &mut egui::Ui,
    name: &str,
    (value, interval): (Option<f64>, Option<[f64; 2]>),
    meaning: &str,
) {
    ui.vertical(|ui| {
        glossary::named(ui, RichText::new(name).small().color(colors(ui).faint));
        let text = value.map_or_else(|| "undefined".to_owned(), |value| format!("{value:.3}"));
        ui.label(RichText::new(text).size(letters::grown(ui, 30.0)).strong());
        if let Some([low, high]) = interval {
            let words = format!("95 % over pairs: {low:.3} to {high:.3}");
            ui.label(RichText::new(words).small().color(colors(ui).faint));
        }
    })
    .response
    .on_hover_text(meaning);
}

fn definition(report: &Report) -> String {
    format!(
        "Definition {}: {}. Text is {}.",
        report.definition,
        report.definition.words(),
        report.text_mask.words()
    )
}

fn warning(report: &Report) -> Option<String> {
    report.has_few_tokens().then(|| {
        format!(
            "Only {:.1} tokens per dimension: the estimate is biased upward. Compare it with runs of \
             equal n only.",
            report.tokens_per_dimension()
        )
    })
}

/// Where the number was computed; all of it on demand.
fn origin_line(ui: &mut egui::Ui, report: &Report, origin: Origin) {
    let summary = match origin {
        Origin::Recorded => "Recorded, not measured here. Provenance",
        Origin::Measured => "Measured on this device. Provenance",
        Origin::Opened => "Opened from a file. Provenance",
    };
    let title = RichText::new(summary).small().color(colors(ui).faint);
    fold::show(ui, "origin", title, false, |ui| {
        egui::Grid::new("origin table")
            .num_columns(2)
            .spacing([16.0, 4.0])
            .show(ui, |ui| {
                for (name, value) in facts(report) {
                    ui.label(RichText::new(name).small().color(colors(ui).faint));
                    ui.add(egui::Label::new(RichText::new(value).small()).wrap());
                    ui.end_row();
                }
            });
    });
}

fn facts(report: &Report) -> Vec<(&'static str, String)> {
    let timings: Vec<String> = (report.timings.iter())
        .map(|timing| format!("{} {}", timing.stage, format_seconds(timing.seconds)))
        .collect();
    let mut facts = vec![
        (
            "checkpoint",
            format!(
                "{} ({}, {} parameters, {})",
                report.model.name,
                report.model.architecture,
                format_count(report.model.parameters),
                report.model.dtype
            ),
        ),
        (
            "data",
            format!(
                "{}, drawn with seed {}",
                report.data.source, report.data.seed
            ),
        ),
        ("prompt", report.data.prompt.clone()),
        ("device", report.device.line()),
        ("time", timings.join(", ")),
        ("mirscope", report.mirscope_version.clone()),
    ];
    if let Some(protocol) = &report.data.protocol {
        facts.push(("protocol", protocol.line()));
    }
    facts.extend(report.notes.iter().map(|note| ("note", note.clone())));
    facts
}
