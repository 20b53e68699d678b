//! What the two models answer: recorded, and asked here.

use eframe::egui::{self, RichText};

use crate::{
    app::{
        progress::counted,
        store::{LiveAnswer, Store},
        theme::{self, colors},
    },
    study::Riddle,
};

/// What one model answers to the question, and how many questions it answers rightly.
pub(super) fn of_model(
    ui: &mut egui::Ui,
    store: &Store,
    riddle: &Riddle,
    (side, share): (usize, f64),
) {
    let Some((number, _)) = store.riddle() else {
        return;
    };
    answer(ui, "It answered", riddle, &riddle.answers[side]);
    match store.riddles.live.get(&(number, side)) {
        None => {}
        Some(LiveAnswer::Coming(text)) => {
            ui.horizontal_wrapped(|ui| {
                // Where motion is reduced the words say it.
                if ui.style().animation_time > 0.0 {
                    ui.spinner();
                }
                let doing = store.work.current().map(counted).unwrap_or_default();
                ui.label(format!("Asked here: {text}"));
                ui.label(RichText::new(doing).color(colors(ui).faint));
            });
        }
        Some(LiveAnswer::Done(text)) => answer(ui, "Asked here, it answers", riddle, text),
        Some(LiveAnswer::Refused(reason)) => {
            ui.colored_label(colors(ui).alarm, "It could not be asked here.");
            ui.label(reason);
        }
    }
    ui.label(format!(
        "{:.0} % right answers to all held-out questions",
        100.0 * share
    ));
}

/// An answer, and whether it is right: in words, not by color alone.
fn answer(ui: &mut egui::Ui, who: &str, riddle: &Riddle, text: &str) {
    let colors = colors(ui);
    let (color, word) = match riddle.is_right(text) {
        true => (colors.accent, "Right"),
        false => (colors.alarm, "Wrong"),
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(format!("{who}: \u{201c}{text}\u{201d}"));
        ui.colored_label(color, RichText::new(word).strong());
    });
}

/// What there is to do once the riddle is solved.
pub(super) fn further(ui: &mut egui::Ui, store: &mut Store, riddle: &Riddle) {
    if let Some(right) = riddle.right() {
        ui.label(format!(
            "The right answer is \u{201c}{right}\u{201d}. Pictures are chosen where only one of the two gives it, and \
             which one long training learned, where there are such."
        ));
    }
    ui.horizontal_wrapped(|ui| {
        if store.riddles.is_asking() {
            let stop = ui.button("Stop asking");
            if stop.on_hover_text("Stop answering (Esc)").clicked() {
                store.stop_riddle();
            }
        } else {
            let free = !store.is_busy() && !store.is_asking() && crate::platform::has_study();
            let ask = ui.add_enabled(free, theme::primary(ui, "Ask both here"));
            let ask = ask
                .on_hover_text(
                    "Loads both models and asks them on this device. Nothing is uploaded.",
                )
                .on_disabled_hover_text(
                    "The engine is busy, or the study's checkpoints are not part of this copy.",
                );
            if ask.clicked() {
                store.ask_both();
            }
        }
        let another = ui.button("Another picture");
        if another.on_hover_text("Key N").clicked() {
            store.next_riddle();
        }
        if ui.button("On to the two trainings").clicked() {
            store.leave_riddle();
        }
    });
}
