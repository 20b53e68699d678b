//! The run under way: a line per stage, elapsed and expected time; and what the reader should know.

use eframe::egui::{self, RichText};

use super::{
    store::{StageProgress, Store, Work},
    theme::{self, colors},
};
use crate::report::format_seconds;

/// Draws the panel under the top bar while a measurement is under way, and the messages.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    messages(ui, store);
    if !store.is_busy() {
        return;
    }
    let frame = egui::Frame::side_top_panel(ui.style())
        .fill(colors(ui).card)
        .inner_margin(egui::Margin::symmetric(14, 8));
    egui::Panel::top("progress").frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            let what = match store.work.current() {
                Some(stage) => stage.progress.stage.words(),
                None => "Starting",
            };
            ui.label(RichText::new(what).strong());
            if let Some(stage) = store.work.current() {
                ui.label(RichText::new(counted(stage)).color(colors(ui).faint));
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.label(RichText::new(times(&store.work)).color(colors(ui).faint));
            });
        });
        ui.horizontal(|ui| {
            let stages = &store.work.stages;
            let gap = ui.spacing().item_spacing.x;
            let count = crate::engine::Stage::ALL.len() as f32;
            let width = ((ui.available_width() + gap) / count - gap).max(12.0);
            for stage in crate::engine::Stage::ALL {
                let found = stages.iter().find(|found| found.progress.stage == stage);
                segment(ui, width, stage, found);
            }
        });
    });
}

/// One stage's share of the line.
fn segment(
    ui: &mut egui::Ui,
    width: f32,
    stage: crate::engine::Stage,
    found: Option<&StageProgress>,
) {
    let colors = colors(ui);
    let (rect, response) = ui.allocate_exact_size(egui::vec2(width, 6.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 3.0, colors.line);
    let share = found.map_or(0.0, StageProgress::share) as f32;
    if share > 0.0 {
        let mut done = rect;
        done.set_width((rect.width() * share).max(6.0).min(rect.width()));
        ui.painter().rect_filled(done, 3.0, colors.accent);
    }
    let text = match found {
        Some(found) if found.is_over() => {
            format!(
                "{}: done in {}",
                stage.words(),
                format_seconds(found.seconds())
            )
        }
        Some(found) => format!("{}: {}", stage.words(), counted(found)),
        None => format!("{}: to come", stage.words()),
    };
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ProgressIndicator, true, &text));
    response.on_hover_text(text);
}

/// For example `12 of 128 pairs, layer 3 of 6`.
pub(super) fn counted(stage: &StageProgress) -> String {
    let progress = &stage.progress;
    let mut text = String::new();
    if progress.total > 1 {
        text = format!("{} of {} {}", progress.done, progress.total, progress.unit);
    }
    if !progress.detail.is_empty() {
        if !text.is_empty() {
            text += ", ";
        }
        text += &progress.detail;
    }
    if progress.unit == "MiB"
        && !stage.is_over()
        && let Some(rate) = stage.rate()
    {
        text += &format!(", {rate:.1} MiB/s");
    }
    text
}

/// What is under way, in words: for example `Fetching: 12 of 490 MiB, config.json, 8.1 MiB/s, 4 s, this stage
/// about 58 s more`; none before anything is known.
pub fn line(work: &Work) -> Option<String> {
    let stage = work.current()?;
    let what = stage.progress.stage.words();
    Some(match counted(stage) {
        counted if counted.is_empty() => format!("{what}, {}", times(work)),
        counted => format!("{what}: {counted}, {}", times(work)),
    })
}

/// The share of the stage under way that is done.
pub fn share(work: &Work) -> Option<f32> {
    work.current().map(|stage| stage.share() as f32)
}

/// For example `4 s, this stage about 9 s more`.
fn times(work: &Work) -> String {
    let elapsed = format_seconds(work.seconds());
    match work.current().and_then(StageProgress::remaining) {
        Some(left) => format!("{elapsed}, this stage about {} more", format_seconds(left)),
        None => elapsed,
    }
}

/// What went wrong or is worth knowing, each with a way to put it away.
fn messages(ui: &mut egui::Ui, store: &mut Store) {
    if store.messages.is_empty() {
        return;
    }
    let frame =
        egui::Frame::side_top_panel(ui.style()).inner_margin(egui::Margin::symmetric(14, 8));
    egui::Panel::top("messages").frame(frame).show(ui, |ui| {
        let mut closed = None;
        for (index, message) in store.messages.iter().enumerate() {
            ui.horizontal(|ui| {
                let color = if message.alarm {
                    colors(ui).alarm
                } else {
                    colors(ui).faint
                };
                theme::dot(ui, color);
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Min), |ui| {
                    let close = ui.button("Close");
                    if close.clicked() {
                        closed = Some(index);
                    }
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Min), |ui| {
                        ui.add(egui::Label::new(&message.text).wrap());
                    });
                });
            });
        }
        if let Some(index) = closed {
            store.messages.remove(index);
        }
    });
}
