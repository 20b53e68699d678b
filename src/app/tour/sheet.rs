//! The tour's sheet: beside what it is about, or where the window keeps a place for it: at the right of a wide one, at the
//! bottom of an upright one.

use eframe::egui::{
    self, Align2, Area, Color32, EventFilter, Id, LayerId, Order, Painter, Pos2, Rect, Stroke,
    StrokeKind, UiKind, Vec2, WidgetInfo, pos2, vec2,
};

use super::steps::{Step, Task};
use crate::app::{glossary, letters, theme};

/// The sheet's width where there is room.
const WIDTH: f32 = 380.0;

/// The same at the bottom of an upright window.
const WIDTH_BELOW: f32 = 620.0;

/// Most of an upright window's height that is kept for the sheet.
const MOST_BELOW: f32 = 0.62;

/// The sheet's height before it was ever drawn.
const HEIGHT: f32 = 300.0;

/// Space between the sheet and what it is about, and to the screen's edge.
const MARGIN: f32 = 12.0;

/// Where the sheet goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// Beside its landmark.
    Beside(Rect),
    /// In the room that is kept for it.
    In(Rect),
    /// In the middle of the window: there is no landmark.
    Middle,
}

/// What the reader wants of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Back,
    Next,
    /// On to the next chapter.
    Chapter,
    Stop,
}

fn id() -> Id {
    Id::unique("tour sheet")
}

/// Where the sheet was in the last frame.
pub(super) fn rect(context: &egui::Context) -> Option<Rect> {
    context.memory(|memory| memory.area_rect(id()))
}

/// Whether a window is higher than wide: beside the sheet there would be no room for anything.
pub(super) fn is_upright(screen: Vec2) -> bool {
    screen.x < screen.y
}

fn width(context: &egui::Context) -> f32 {
    let screen = context.content_rect().size();
    let grown = |points| points * letters::grown_by(context);
    match is_upright(screen) {
        true => (screen.x - 2.0 * MARGIN).min(grown(WIDTH_BELOW)),
        false => grown(WIDTH),
    }
}

fn size(context: &egui::Context) -> Vec2 {
    let height = rect(context).map_or(HEIGHT, |rect| rect.height());
    vec2(width(context), height)
}

/// Keeps a part of the window for the sheet.
pub(super) fn make_room(ui: &mut egui::Ui) -> Rect {
    let screen = ui.ctx().content_rect().size();
    let size = size(ui.ctx()) + Vec2::splat(2.0 * MARGIN);
    let panel = match is_upright(screen) {
        true => {
            egui::Panel::bottom("room for the sheet").exact_size(size.y.min(MOST_BELOW * screen.y))
        }
        false => egui::Panel::right("room for the sheet").exact_size(size.x),
    };
    let panel = panel.resizable(false).show_separator_line(false);
    let frame = egui::Frame::NONE.fill(ui.visuals().panel_fill);
    panel.frame(frame).show(ui, |_| {}).response.rect
}

/// Whether the sheet of the last frame covers nothing of its landmark at a place.
pub(super) fn fits(context: &egui::Context, place: Place) -> bool {
    match place {
        Place::Beside(target) => beside(context.content_rect(), target, size(context)).is_some(),
        Place::In(_) | Place::Middle => true,
    }
}

fn buttons() -> Id {
    Id::unique("buttons of the tour")
}

/// Whether a widget is one of the sheet's buttons.
pub(super) fn is_mine(context: &egui::Context, widget: Id) -> bool {
    context.data(|data| {
        data.get_temp::<Vec<Id>>(buttons())
            .is_some_and(|ids| ids.contains(&widget))
    })
}

/// Darkens everything but the target, which stays usable like the rest.
pub(super) fn dim(context: &egui::Context, target: Option<Rect>) {
    let screen = context.content_rect();
    let layer = LayerId::new(Order::Foreground, Id::unique("tour dims"));
    let painter = Painter::new(context.clone(), layer, screen);
    let dark = Color32::from_black_alpha(if target.is_some() { 120 } else { 90 });
    let Some(target) = target else {
        painter.rect_filled(screen, 0.0, dark);
        return;
    };
    let hole = glide(context, target.expand(5.0)).intersect(screen);
    for part in around(screen, hole) {
        painter.rect_filled(part, 0.0, dark);
    }
    let accent = context.style_of(context.theme()).visuals.hyperlink_color;
    let line = Stroke::new(2.0, accent);
    painter.rect_stroke(hole, 8.0, line, StrokeKind::Middle);
}

/// `target`, or a place on the way to it while the highlight moves; at once where motion is reduced.
fn glide(context: &egui::Context, target: Rect) -> Rect {
    let time = context.style_of(context.theme()).animation_time;
    let side = |name: &str, value: f32| {
        context.animate_value_with_time(Id::unique("tour hole").with(name), value, time)
    };
    Rect::from_min_max(
        pos2(side("left", target.left()), side("top", target.top())),
        pos2(
            side("right", target.right()),
            side("bottom", target.bottom()),
        ),
    )
}

/// What of `screen` lies above, below, left and right of `hole`.
fn around(screen: Rect, hole: Rect) -> [Rect; 4] {
    let rect = |left, top, right, bottom| Rect::from_min_max(pos2(left, top), pos2(right, bottom));
    [
        rect(screen.left(), screen.top(), screen.right(), hole.top()),
        rect(
            screen.left(),
            hole.bottom(),
            screen.right(),
            screen.bottom(),
        ),
        rect(screen.left(), hole.top(), hole.left(), hole.bottom()),
        rect(hole.right(), hole.top(), screen.right(), hole.bottom()),
    ]
}

/// Draws the sheet; gives what its buttons ask for.
pub(super) fn show(
    context: &egui::Context,
    index: usize,
    step: &Step,
    words: &str,
    task: Option<(bool, &Task)>,
    place: Place,
) -> Option<Turn> {
    let screen = context.content_rect();
    let size = size(context);
    let area = Area::new(id())
        .order(Order::Tooltip)
        .kind(UiKind::Modal)
        .constrain_to(screen);
    let area = match place {
        Place::In(_) if is_upright(screen.size()) => {
            area.anchor(Align2::CENTER_BOTTOM, vec2(0.0, -MARGIN))
        }
        Place::In(room) => area.fixed_pos(room.min + Vec2::splat(MARGIN)),
        Place::Beside(target) => {
            let corner = screen.shrink(MARGIN).max - size;
            area.fixed_pos(beside(screen, target, size).unwrap_or(corner))
        }
        Place::Middle => area.fixed_pos(screen.center() - size / 2.0),
    };
    area.show(context, |ui| {
        let colors = theme::colors(ui);
        egui::Frame::popup(ui.style())
            .stroke(Stroke::new(1.5, colors.accent))
            .corner_radius(10)
            .inner_margin(16)
            .show(ui, |ui| {
                ui.set_width(size.x - 34.0);
                content(ui, index, step, words, task)
            })
            .inner
    })
    .inner
}

fn content(
    ui: &mut egui::Ui,
    index: usize,
    step: &Step,
    words: &str,
    task: Option<(bool, &Task)>,
) -> Option<Turn> {
    let colors = theme::colors(ui);
    let steps = step.chapter.steps();
    let (place, count) = (index - steps.start, steps.len());
    ui.label(
        egui::RichText::new(step.chapter.title())
            .small()
            .color(colors.faint),
    );
    ui.heading(step.title);
    glossary::prose(ui, words);
    if let Some((done, task)) = task {
        ui.add_space(2.0);
        let words = if done { task.praise } else { task.words };
        ui.colored_label(colors.accent, egui::RichText::new(words).strong());
    }
    ui.add_space(6.0);
    dots(ui, place, count);
    let mut wanted = None;
    let mut ids = Vec::new();
    ui.horizontal_wrapped(|ui| {
        let last = place + 1 == count;
        let next = egui::Button::new(if last { "Done" } else { "Next" }).selected(true);
        let mut button = |button: egui::Button<'_>, possible: bool, turn: Turn| {
            let response = ui.add_enabled(possible, button);
            if response.clicked() {
                wanted = Some(turn);
            }
            ids.push(response.id);
            response
        };
        button(egui::Button::new("Back"), place > 0, Turn::Back);
        let next = button(next, true, Turn::Next);
        if !last {
            button(egui::Button::new("Leave"), true, Turn::Stop);
        } else if let Some(chapter) = step.chapter.next() {
            let words = format!("On to: {}", chapter.title());
            button(egui::Button::new(words), true, Turn::Chapter);
        }
        // So that Enter goes on, and a screen reader comes here.
        let shown = next.id.with("shown for");
        if ui.data(|data| data.get_temp::<usize>(shown)) != Some(index) {
            ui.data_mut(|data| data.insert_temp(shown, index));
            next.request_focus();
        }
    });
    ui.memory_mut(|memory| {
        let mine = EventFilter {
            horizontal_arrows: true,
            escape: true,
            ..EventFilter::default()
        };
        for id in &ids {
            memory.set_focus_lock_filter(*id, mine);
        }
    });
    ui.data_mut(|data| data.insert_temp(buttons(), ids));
    wanted
}

/// One dot a step, the present one filled.
fn dots(ui: &mut egui::Ui, index: usize, count: usize) {
    let colors = theme::colors(ui);
    let step = 14.0;
    let size = vec2(step * count as f32, 12.0);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::hover());
    response.widget_info(|| {
        let label = format!("Step {} of {count}", index + 1);
        WidgetInfo::labeled(egui::Role::ProgressIndicator, true, label)
    });
    for dot in 0..count {
        let center = pos2(rect.left() + step * (dot as f32 + 0.5), rect.center().y);
        if dot <= index {
            let radius = if dot == index { 4.5 } else { 3.0 };
            ui.painter().circle_filled(center, radius, colors.accent);
        } else {
            let line = Stroke::new(1.0, colors.faint);
            ui.painter().circle_stroke(center, 3.0, line);
        }
    }
}

/// Where a sheet of a size goes: to the first side of the target that has room for it.
fn beside(screen: Rect, target: Rect, size: Vec2) -> Option<Pos2> {
    let inner = screen.shrink(MARGIN);
    let target = target.expand(MARGIN);
    let x = target.left().min(inner.right() - size.x).max(inner.left());
    let y = target.top().min(inner.bottom() - size.y).max(inner.top());
    let candidates = [
        pos2(target.right(), y),
        pos2(target.left() - size.x, y),
        pos2(x, target.bottom()),
        pos2(x, target.top() - size.y),
    ];
    let fits = |corner: &&Pos2| {
        inner
            .expand(1.0)
            .contains_rect(Rect::from_min_size(**corner, size))
    };
    candidates.iter().find(fits).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_keeps_clear_of_its_target() {
        let screen = Rect::from_min_size(Pos2::ZERO, vec2(1280.0, 720.0));
        let size = vec2(380.0, 240.0);
        for target in [
            Rect::from_min_size(pos2(10.0, 100.0), vec2(500.0, 500.0)),
            Rect::from_min_size(pos2(700.0, 100.0), vec2(560.0, 500.0)),
            Rect::from_min_size(pos2(10.0, 50.0), vec2(1260.0, 120.0)),
            Rect::from_min_size(pos2(10.0, 500.0), vec2(1260.0, 200.0)),
        ] {
            let corner = beside(screen, target, size).unwrap();
            let sheet = Rect::from_min_size(corner, size);
            assert!(screen.contains_rect(sheet), "{sheet:?}");
            assert!(!sheet.intersects(target), "{sheet:?} over {target:?}");
        }
        assert_eq!(beside(screen, screen, size), None);
    }

    #[test]
    fn the_dimmed_parts_leave_the_hole() {
        let screen = Rect::from_min_size(Pos2::ZERO, vec2(100.0, 80.0));
        let hole = Rect::from_min_max(pos2(20.0, 10.0), pos2(60.0, 70.0));
        let area: f32 = around(screen, hole).iter().map(|part| part.area()).sum();
        assert_eq!(area + hole.area(), screen.area());
    }
}
