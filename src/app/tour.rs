//! The tour: short steps that drive the real app, each beside the panel that it is about.

mod sheet;
mod steps;

use eframe::egui::{self, Key, Modifiers};

use super::{landmark, store::Store};
use sheet::Turn;
use steps::STEPS;

/// Begins the tour.
pub fn start(context: &egui::Context, store: &mut Store) {
    enter(context, store, 0);
}

/// Ends the tour; it counts as seen.
pub fn stop(store: &mut Store) {
    store.tour.step = None;
    store.tour_seen = true;
}

/// Shows a step, after the last one the tour is over.
fn enter(context: &egui::Context, store: &mut Store, step: usize) {
    let Some(found) = STEPS.get(step) else {
        return stop(store);
    };
    (found.enter)(store);
    store.tour.step = Some(step);
    // Taken once the views have settled on what they show.
    store.tour.before = None;
    landmark::look_for(context, found.target);
    context.request_repaint();
}

fn turn(context: &egui::Context, store: &mut Store, turn: Turn) {
    let Some(step) = store.tour.step else { return };
    match turn {
        Turn::Next => enter(context, store, step + 1),
        Turn::Back => enter(context, store, step.saturating_sub(1)),
        Turn::Stop => stop(store),
    }
}

/// Takes the tour's keys (arrows, Escape), unless they belong to a widget; to be called before the
/// views take theirs.
pub fn keys(context: &egui::Context, store: &mut Store) {
    if !store.tour.is_on() {
        return;
    }
    let focused = context.memory(|memory| memory.focused());
    if focused.is_some_and(|focused| !sheet::is_mine(context, focused)) {
        return;
    }
    let pressed = context.input_mut(|input| {
        [
            (Key::ArrowRight, Turn::Next),
            (Key::ArrowLeft, Turn::Back),
            (Key::Escape, Turn::Stop),
        ]
        .into_iter()
        .find(|(key, _)| input.consume_key(Modifiers::NONE, *key))
    });
    if let Some((_, wanted)) = pressed {
        turn(context, store, wanted);
    }
}

/// Draws the step over the app; to be called after everything else.
pub fn show(context: &egui::Context, store: &mut Store) {
    let Some(index) = store.tour.step else {
        return;
    };
    let Some(step) = STEPS.get(index) else {
        return stop(store);
    };
    let target = landmark::rect(context, step.target);
    sheet::dim(context, target);
    let words = (step.words)(store);
    let before = store.tour.before.get_or_insert_with(|| store.view.clone());
    let before = before.clone();
    let task = step.task.as_ref().and_then(|task| {
        let possible = (task.possible)(store);
        possible.then(|| ((task.done)(&before, &store.view), task))
    });
    if let Some(wanted) = sheet::show(context, index, step, &words, task, target) {
        turn(context, store, wanted);
    }
}
