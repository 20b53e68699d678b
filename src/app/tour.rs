//! The chapters: short steps that drive the real app, each beside the panel that it is about.

mod chapter;
mod sheet;
mod steps;

use eframe::egui::{self, Key, Modifiers, Rect};

use super::{
    landmark,
    store::{Store, View},
};
pub use chapter::Chapter;
use sheet::{Place, Turn};
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
    store.tour.no_room_in = None;
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

/// Keeps a part of the window for the sheet, where it has no room beside its landmark; to be called before the views
/// are drawn, whose place it is otherwise.
pub fn make_room(ui: &mut egui::Ui, store: &Store) -> Option<Rect> {
    let screen = ui.ctx().content_rect().size();
    let upright = sheet::is_upright(screen);
    let kept = store.tour.is_on() && (upright || store.tour.no_room_in == Some(screen));
    kept.then(|| sheet::make_room(ui))
}

/// Draws the step over the app; to be called after everything else, with the `room` that was made for it.
pub fn show(context: &egui::Context, store: &mut Store, room: Option<Rect>) {
    let Some(index) = store.tour.step else {
        return;
    };
    let Some(step) = STEPS.get(index) else {
        return stop(store);
    };
    let target = landmark::place(context, step.target).map(|[_, seen]| seen);
    sheet::dim(context, target);
    let place = match (room, target) {
        (Some(room), _) => Place::In(room),
        (None, Some(target)) => Place::Beside(target),
        (None, None) => Place::Middle,
    };
    let measured = store.tour.measured.replace(index) == Some(index);
    if measured && !sheet::fits(context, place) {
        store.tour.no_room_in = Some(context.content_rect().size());
        // It has less room from now on.
        landmark::look_for(context, step.target);
        context.request_repaint();
    }
    let words = (step.words)(store);
    let before = store.tour.before.get_or_insert_with(|| store.view.clone());
    let before = before.clone();
    let task = step.task.as_ref().and_then(|task| {
        let possible = (task.possible)(store);
        possible.then(|| ((task.done)(&before, &store.view), task))
    });
    if let Some(wanted) = sheet::show(context, index, step, &words, task, place) {
        turn(context, store, wanted);
    }
}

/// Where a step's sheet and landmark are.
#[derive(Clone, Copy, Debug)]
pub struct Places {
    /// The sheet.
    pub sheet: Rect,
    /// The landmark, with what is scrolled out of sight.
    pub landmark: Rect,
    /// What of the landmark is in sight.
    pub seen: Rect,
}

/// Where the sheet of the step that is shown is, and its landmark.
pub fn places(context: &egui::Context, store: &Store) -> Option<Places> {
    let step = STEPS.get(store.tour.step?)?;
    let [landmark, seen] = landmark::place(context, step.target)?;
    let sheet = sheet::rect(context)?;
    Some(Places {
        sheet,
        landmark,
        seen,
    })
}
