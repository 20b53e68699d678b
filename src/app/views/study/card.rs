//! One card: what papers say, what was tried here, what was seen.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        figure, fold,
        glossary::{STATISTICS, marked, prose},
        landmark::{Landmark, mark},
        letters,
        store::{Store, StudyPart},
        theme,
    },
    figures::{Look, Target, published_figure, sketch, topic_figures},
    study::{Claim, Metric, Outcome, Paper, Protocol, StudyResults, Topic, Verdict, plain},
};

/// Width from which a column has room beside others.
const COLUMN: f32 = 252.0;
/// Space between two columns.
const BETWEEN: f32 = 20.0;
/// Widest that a chart or a picture becomes.
const WIDEST: f32 = 430.0;

/// A column of a card.
#[derive(Clone, Copy)]
enum Column<'a> {
    Says,
    Tried,
    Saw(Protocol, &'a StudyResults),
}

/// Draws the card; results in the order of [`Protocol::ALL`].
pub(super) fn show(
    ui: &mut egui::Ui,
    store: &mut Store,
    topic: &'static Topic,
    results: [Option<&StudyResults>; 2],
) {
    let seen = Protocol::ALL.into_iter().zip(results);
    let seen = seen.filter_map(|(protocol, results)| Some((protocol, results?)));
    let seen = seen.filter(|(protocol, results)| !topic.judged(*protocol, results).is_empty());
    let seen: Vec<(Protocol, &StudyResults)> = seen.collect();
    if seen.is_empty() {
        return;
    }
    theme::card(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.push_id(topic.name, |ui| {
            ui.add(egui::Label::new(RichText::new(topic.question).heading()).wrap());
            let saw = seen
                .iter()
                .map(|(protocol, results)| Column::Saw(*protocol, results));
            let all: Vec<Column<'_>> = [Column::Says, Column::Tried]
                .into_iter()
                .chain(saw)
                .collect();
            columns(ui, store, topic, &all);
            statistics(ui, topic, &seen);
        });
        if topic.name == "amount" {
            mark(ui, Landmark::Amount, ui.min_rect());
        }
    });
}

/// The columns beside each other where there is room, else under each other.
fn columns(ui: &mut egui::Ui, store: &mut Store, topic: &'static Topic, all: &[Column<'_>]) {
    let column = letters::grown(ui, COLUMN);
    let fit = ((ui.available_width() + BETWEEN) / (column + BETWEEN)) as usize;
    // Rows of equally many.
    let rows = all.len().div_ceil(fit.max(1));
    let beside = all.len().div_ceil(rows);
    for row in all.chunks(beside) {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing.x = BETWEEN;
            ui.columns(beside, |columns| {
                for (ui, column) in columns.iter_mut().zip(row) {
                    // In a column itself words would be stretched to its width.
                    ui.vertical(|ui| {
                        ui.spacing_mut().item_spacing = egui::vec2(8.0, 5.0);
                        draw(ui, store, topic, column);
                    });
                }
            });
        });
        ui.add_space(4.0);
    }
}

fn draw(ui: &mut egui::Ui, store: &mut Store, topic: &'static Topic, column: &Column<'_>) {
    match column {
        Column::Says => says(ui, topic),
        Column::Tried => tried(ui, topic),
        Column::Saw(protocol, results) => saw(ui, store, topic, *protocol, results),
    }
}

/// A column's title.
fn title(ui: &mut egui::Ui, words: &str) {
    let color = theme::colors(ui).accent;
    ui.add(egui::Label::new(RichText::new(words).strong().color(color)).wrap());
}

/// `The MIR paper and VILA say`.
fn who(papers: &[Paper]) -> String {
    let names: Vec<&str> = papers.iter().map(|paper| paper.name()).collect();
    match names.as_slice() {
        [] => "We asked".to_owned(),
        [one] => format!("{one} says"),
        several => format!("{} say", several.join(" and ")),
    }
}

/// The look of a card's drawings, as high as they need.
fn look(ui: &egui::Ui) -> Look {
    let width = ui.available_width().min(letters::grown(ui, WIDEST));
    figure::look(ui, [width, 0.0])
}

fn says(ui: &mut egui::Ui, topic: &Topic) {
    title(ui, &who(topic.papers));
    prose(ui, topic.says);
    if !topic.published.is_empty() {
        let look = look(ui);
        figure::show(ui, &published_figure(topic.published, &look));
    }
    let places: Vec<&str> = topic.papers.iter().map(|paper| paper.place()).collect();
    if !places.is_empty() {
        let models = match topic.published.is_empty() {
            true => "",
            false => "Their figures, of large models. ",
        };
        let words = format!("{models}{}", places.join(", "));
        let words = RichText::new(words).small().color(theme::colors(ui).faint);
        ui.add(egui::Label::new(words).wrap());
    }
}

fn tried(ui: &mut egui::Ui, topic: &Topic) {
    title(ui, "We tried");
    prose(ui, topic.tried);
    if let Some(picture) = &topic.sketch {
        let look = look(ui);
        figure::show(ui, &sketch(picture, &look));
    }
}

fn saw(
    ui: &mut egui::Ui,
    store: &mut Store,
    topic: &'static Topic,
    protocol: Protocol,
    results: &StudyResults,
) {
    let how = match protocol {
        Protocol::OneStage => "We saw, in one stage",
        Protocol::TwoStages => "We saw, in two stages",
    };
    title(ui, how);
    for (claim, verdict) in topic.judged(protocol, results) {
        ui.add_space(3.0);
        ui.horizontal_wrapped(|ui| {
            badge(ui, verdict.outcome);
            ui.strong(&claim.statement);
        });
        ui.add(egui::Label::new(plain(results, claim, verdict)).wrap());
    }
    let look = look(ui);
    for drawn in topic_figures(topic, protocol, results, &look) {
        if let Some(Target::Variant(index)) = figure::show(ui, &drawn).clicked
            && let Some(variant) = results.study.variants.get(index)
        {
            open(store, topic, protocol);
            store.view.variant.clone_from(&variant.name);
        }
    }
    if ui.button("See these checkpoints").clicked() {
        open(store, topic, protocol);
    }
}

/// Shows the settings of a topic among all checkpoints.
fn open(store: &mut Store, topic: &Topic, protocol: Protocol) {
    store.view.study_shows = Some(StudyPart::Settings);
    store.view.protocol = protocol;
    topic.axes[protocol.index()].clone_into(&mut store.view.axis);
    store.view.variant.clear();
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

/// The numbers behind the verdicts, folded.
fn statistics(ui: &mut egui::Ui, topic: &Topic, seen: &[(Protocol, &StudyResults)]) {
    fold::show(ui, "statistics", "The statistics", false, |ui| {
        for (protocol, results) in seen {
            ui.strong(protocol.title());
            for (claim, verdict) in topic.judged(*protocol, results) {
                let words = format!("{}: {}.", claim.statement, numbers(claim, verdict));
                prose(ui, &marked(&words, STATISTICS));
            }
        }
    });
}

fn numbers(claim: &Claim, verdict: &Verdict) -> String {
    let Some(metric) = Metric::parse(&claim.metric) else {
        return verdict.note.clone().unwrap_or_default();
    };
    let mut parts = vec![verdict.outcome.words().to_owned()];
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
