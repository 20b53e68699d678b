//! Connectors between published models: what MIR says of them, and how one is opened.

use eframe::egui::{self, Rect, RichText};

use super::bullet;
use crate::{
    app::{
        figure, fold, glossary,
        landmark::{Landmark, mark},
        letters, sideways, theme,
    },
    figures::{real_choice, real_loss},
    report::number::significant,
    study::{REAL_COMMANDS, REAL_PARTS, RealParts},
};

/// Width from which charts stand beside each other.
const WIDE: f32 = 760.0;

/// Draws the part.
pub(super) fn show(ui: &mut egui::Ui, real: &RealParts) {
    let corner = ui.cursor().min;
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        story(ui, real);
    });
    theme::gap(ui);
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        charts(ui, real);
        let shown = Rect::from_min_max(corner, ui.min_rect().max);
        mark(ui, Landmark::RealParts, shown);
        table(ui, real);
    });
    theme::gap(ui);
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        opening(ui);
    });
}

fn story(ui: &mut egui::Ui, real: &RealParts) {
    ui.heading("With real parts");
    glossary::prose(
        ui,
        "Everything else in this tab was trained from nothing. Here two published models stay frozen, a {vision \
         tower} and a {language model} of 135 million parameters, and only the {connector} between them is trained, \
         on captions.",
    );
    let all = real.sentences();
    let Some((verdict, others)) = all.split_first() else {
        return;
    };
    glossary::prose(ui, &glossary::marked(verdict, glossary::STATISTICS));
    for sentence in others {
        bullet(ui, sentence);
    }
}

fn charts(ui: &mut egui::Ui, real: &RealParts) {
    ui.heading("MIR against what the models can do");
    let height = letters::chart(ui, 330.0);
    if ui.available_width() >= WIDE {
        ui.columns(2, |columns| {
            let [left, right] = columns else { return };
            let look = figure::look(left, [left.available_width(), height]);
            figure::show(left, &real_choice(real, &look));
            figure::show(right, &real_loss(real, &look));
        });
    } else {
        let look = figure::look(ui, [ui.available_width(), height]);
        figure::show(ui, &real_choice(real, &look));
        figure::show(ui, &real_loss(real, &look));
    }
}

fn table(ui: &mut egui::Ui, real: &RealParts) {
    fold::show(ui, "real connectors", "Every connector", false, |ui| {
        let area = egui::ScrollArea::horizontal();
        sideways::show(ui, "table of real connectors", area, |ui| {
            egui::Grid::new("real connectors")
                .striped(true)
                .spacing([16.0, 5.0])
                .show(ui, |ui| rows(ui, real));
        });
        let faint = theme::colors(ui).faint;
        let note = "Choice: the right one of five captions, in brackets the 95 % interval. Losses in nats per token, \
                        of pictures whose names no training picture had.";
        ui.label(RichText::new(note).small().color(faint));
    });
}

fn rows(ui: &mut egui::Ui, real: &RealParts) {
    for title in [
        "training",
        "MIR",
        "choice (%)",
        "loss",
        "with another picture",
    ] {
        ui.strong(title);
    }
    ui.end_row();
    for run in &real.points {
        ui.label(run.label());
        ui.monospace(format!("{:.3}", run.with_prose.mir));
        let [low, high] = run.scores.names.choice_caption.interval;
        ui.monospace(format!(
            "{:.0} ({:.0} to {:.0})",
            100.0 * run.choice(),
            100.0 * low,
            100.0 * high
        ));
        ui.monospace(significant(run.scores.names.loss));
        ui.monospace(significant(run.scores.names.loss_another));
        ui.end_row();
    }
}

/// What is needed to open one, and the commands.
fn opening(ui: &mut egui::Ui) {
    ui.heading("Open one of them");
    glossary::prose(
        ui,
        "Two of the {connectors} come with mirscope, in assets/real. The models that they belong to do not: get the \
         two files below, then run these commands in mirscope's folder, with a list of pictures and texts of your own.",
    );
    for [part, from, licence] in REAL_PARTS {
        bullet(ui, &format!("{part}. {from}; licence {licence}."));
    }
    for command in REAL_COMMANDS {
        ui.add(egui::Label::new(RichText::new(command).monospace()).wrap());
    }
    if ui.button("Copy the commands").clicked() {
        ui.ctx().copy_text(REAL_COMMANDS.join("\n"));
    }
    ui.label(
        "A page cannot put a model together from parts; the program can. With --json > report.json behind the second \
         command the report goes into a file: drop that on this window to see it.",
    );
}
