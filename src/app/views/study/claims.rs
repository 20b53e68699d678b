//! What the papers claim, and what became of it here.

use eframe::egui::{self, RichText};

use super::{FIRST_SENTENCES, bullet};
use crate::{
    app::{store::Store, theme},
    study::{Claim, Metric, Outcome, StudyResults, VERDICT_RULE, Verdict, sentences},
};

/// Draws the claims about the chosen axis first, then the others, and the rule.
pub(super) fn show(ui: &mut egui::Ui, store: &Store, results: &StudyResults) {
    ui.heading("Claims of the papers");
    for sentence in sentences(results).iter().skip(FIRST_SENTENCES) {
        bullet(ui, sentence);
    }
    let study = &results.study;
    let (about, others): (Vec<_>, Vec<_>) =
        (study.claims.iter().zip(&results.verdicts)).partition(|(claim, _)| {
            match store.study_axis(results) {
                Some(axis) => claim
                    .variants
                    .iter()
                    .all(|name| axis.variants.contains(name)),
                None => true,
            }
        });
    if about.is_empty() {
        ui.label("None is about this axis alone.");
    }
    list(ui, &about);
    if !others.is_empty() {
        ui.add_space(theme::GAP);
        let title = format!("{} other claims", others.len());
        egui::CollapsingHeader::new(title)
            .id_salt("other claims")
            .show(ui, |ui| list(ui, &others));
    }
    ui.add_space(6.0);
    let faint = theme::colors(ui).faint;
    ui.label(RichText::new(VERDICT_RULE).small().color(faint));
}

fn list(ui: &mut egui::Ui, claims: &[(&Claim, &Verdict)]) {
    for (claim, verdict) in claims {
        ui.add_space(4.0);
        ui.horizontal_wrapped(|ui| {
            badge(ui, verdict.outcome);
            ui.label(&claim.statement);
            ui.colored_label(theme::colors(ui).faint, claim.origin());
        });
        let faint = theme::colors(ui).faint;
        ui.label(RichText::new(numbers(claim, verdict)).small().color(faint));
    }
}

/// The outcome in words on its color: color alone tells nothing.
fn badge(ui: &mut egui::Ui, outcome: Outcome) {
    let palette = theme::palette(ui);
    let color = match outcome {
        Outcome::Held => palette.runs[1],
        Outcome::DidNotHold => palette.alarm,
        Outcome::WithinNoise | Outcome::AtChance | Outcome::NotMeasured => palette.faint,
    };
    let color = egui::Color32::from_rgb(color.red, color.green, color.blue);
    egui::Frame::new()
        .stroke(egui::Stroke::new(1.2, color))
        .corner_radius(egui::CornerRadius::same(9))
        .inner_margin(egui::Margin::symmetric(8, 1))
        .show(ui, |ui| {
            ui.colored_label(color, RichText::new(outcome.words()).strong());
        });
}

fn numbers(claim: &Claim, verdict: &Verdict) -> String {
    let Some(metric) = Metric::parse(&claim.metric) else {
        return verdict.note.clone().unwrap_or_default();
    };
    let mut parts = Vec::new();
    if let (Some([first, last]), Some(change)) = (verdict.ends, verdict.change()) {
        parts.push(format!(
            "{} {} to {}, a change of {}",
            metric.title(),
            metric.text(first),
            metric.text(last),
            metric.difference(change)
        ));
    }
    parts.extend(verdict.note.clone());
    if let Some(noise) = verdict.noise {
        let noise = metric.difference(noise).replace('+', "");
        parts.push(format!("noise \u{b1}{noise}"));
    }
    parts.push(verdict.rank.words());
    parts.extend(verdict.seeds.iter().map(|seed| seed.words(&metric)));
    parts.join("; ")
}
