//! What gets the keyboard's focus comes into sight: egui leaves it where it is.

use eframe::egui::{
    self, Event, Id, Key,
    accesskit::{Action, ActionRequest, TreeId},
};

/// Keys that move the focus.
const KEYS: [Key; 5] = [
    Key::Tab,
    Key::ArrowUp,
    Key::ArrowDown,
    Key::ArrowLeft,
    Key::ArrowRight,
];

/// Where the focus was, and what has to come into sight.
#[derive(Clone, Copy, Default)]
struct Focus {
    last: Option<Id>,
    /// Whether the last frame had one of the keys: a menu moves the focus a frame later.
    key: bool,
    wanted: Option<Id>,
}

fn id() -> Id {
    Id::unique("focus in sight")
}

/// Asks for what the last frame's keys led to and was out of sight, in the way in which a screen reader does; to be
/// called before anything is drawn.
pub fn ask(context: &egui::Context) {
    let wanted = context.data_mut(|data| {
        let focus = data.get_temp_mut_or_default::<Focus>(id());
        focus.wanted.take()
    });
    let Some(wanted) = wanted else { return };
    let request = ActionRequest {
        action: Action::ScrollIntoView,
        target_tree: TreeId::ROOT,
        target_node: wanted.accesskit_id(),
        data: None,
    };
    let event = Event::AccessKitActionRequest(request);
    context.input_mut(|input| input.events.push(event));
}

/// Finds out whether a key moved the focus out of sight; to be called when everything is drawn.
pub fn follow(context: &egui::Context) {
    let focused = context.memory(|memory| memory.focused());
    let key = context.input(|input| KEYS.iter().any(|key| input.key_pressed(*key)));
    let (last, by_key) = context.data_mut(|data| {
        let focus = data.get_temp_mut_or_default::<Focus>(id());
        let before = std::mem::replace(&mut focus.key, key);
        let last = std::mem::replace(&mut focus.last, focused);
        (last, key || before)
    });
    let Some(moved) = focused.filter(|_| focused != last && by_key) else {
        return;
    };
    // What of it the areas that scroll leave to be seen is where it can be pressed.
    let hidden = context.read_response(moved).is_some_and(|response| {
        let (whole, seen) = (response.rect, response.interact_rect);
        let seen = seen.intersect(context.content_rect());
        !seen.is_positive() || seen.area() < 0.98 * whole.area()
    });
    if hidden {
        context.data_mut(|data| data.get_temp_mut_or_default::<Focus>(id()).wanted = Some(moved));
        context.request_repaint();
    }
}
