//! The chapters: short steps that drive the real app, each beside the panel that it is about.

mod chapter;
mod sheet;
mod steps;

use eframe::egui::{self, Key, Modifiers};

use super::{
    landmark,
    store::{Store, View},
};
pub use chapter::Chapter;
use sheet::Turn;
use steps::STEPS;

/// Begins a chapter.
pub fn start(context: &egui::Context, store: &mut Store, chapter: Chapter) {
    enter(context, store, chapter.steps().start);
}

/// Ends the chapter; the tour counts as seen.
pub fn stop(store: &mut Store) {
    store.tour.step = None;
    store.view.step.clear();
    store.tour_seen = true;
}

/// Shows a step.
fn enter(context: &egui::Context, store: &mut Store, step: usize) {
    let Some(found) = STEPS.get(step) else {
        return stop(store);
    };
    (found.enter)(store);
    found.name.clone_into(&mut store.view.step);
    store.tour.step = Some(step);
    // Taken once the views have settled on what they show.
    store.tour.before = None;
    landmark::look_for(context, found.target);
    context.request_repaint();
}

fn turn(context: &egui::Context, store: &mut Store, turn: Turn) {
    let Some(step) = store.tour.step else { return };
    let Some(chapter) = STEPS.get(step).map(|step| step.chapter) else {
        return stop(store);
    };
    match turn {
        Turn::Next if step + 1 < chapter.steps().end => enter(context, store, step + 1),
        Turn::Back if step > chapter.steps().start => enter(context, store, step - 1),
        Turn::Back => {}
        Turn::Chapter => match chapter.next() {
            Some(next) => start(context, store, next),
            None => stop(store),
        },
        Turn::Next | Turn::Stop => stop(store),
    }
}

/// Shows the step that the selection names: a link may lead to one. What it says besides stays: a step sets what it
/// is about only where the link says nothing else.
fn follow_link(context: &egui::Context, store: &mut Store) {
    let shown = store.tour.step.and_then(|step| STEPS.get(step));
    let shown = shown.map_or("", |step| step.name);
    if shown == store.view.step {
        return;
    }
    match STEPS.iter().position(|step| step.name == store.view.step) {
        Some(step) => {
            let said = store.view.clone();
            enter(context, store, step);
            let step = said.step.clone();
            let alone = View {
                step,
                ..View::default()
            };
            if said != alone {
                store.view = said;
            }
        }
        None => {
            store.tour.step = None;
            store.view.step.clear();
        }
    }
}

/// Takes the tour's keys (arrows, Escape), unless they belong to a widget; to be called before the
/// views take theirs.
pub fn keys(context: &egui::Context, store: &mut Store) {
    follow_link(context, store);
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
