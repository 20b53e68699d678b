//! The tour's sheet: beside what it is about on a wide screen, at the bottom on a narrow one.

use eframe::egui::{
    self, Align2, Area, Color32, EventFilter, Id, LayerId, Order, Painter, Pos2, Rect, Stroke,
    StrokeKind, UiKind, Vec2, WidgetInfo, pos2, vec2,
};

use super::steps::{Step, Task};
use crate::app::{glossary, theme};

/// The sheet's width where there is room.
const WIDTH: f32 = 380.0;

/// Below this width the sheet lies at the bottom.
const NARROW: f32 = 640.0;

/// Space between the sheet and what it is about, and to the screen's edge.
const MARGIN: f32 = 12.0;

/// What the reader wants of the tour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Back,
    Next,
    /// On to the next chapter.
    Chapter,
    Stop,
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
    target: Option<Rect>,
) -> Option<Turn> {
    let screen = context.content_rect();
    let narrow = screen.width() < NARROW;
    let width = if narrow {
        screen.width() - 2.0 * MARGIN
    } else {
        WIDTH
    };
    let id = Id::unique("tour sheet");
    let last = context.memory(|memory| memory.area_rect(id));
    let size = vec2(width, last.map_or(240.0, |rect| rect.height()));
    let mut area = Area::new(id)
        .order(Order::Tooltip)
        .kind(UiKind::Modal)
        .constrain_to(screen);
    area = if narrow {
        area.anchor(Align2::CENTER_BOTTOM, vec2(0.0, -MARGIN))
    } else {
        area.fixed_pos(place(screen, target, size))
    };
    area.show(context, |ui| {
        let colors = theme::colors(ui);
        egui::Frame::popup(ui.style())
            .stroke(Stroke::new(1.5, colors.accent))
            .corner_radius(10)
            .inner_margin(16)
            .show(ui, |ui| {
                ui.set_width(width - 34.0);
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

/// Where a sheet of a size goes: on the first side of the target that has room, else where it covers
/// least; in the middle without a target.
fn place(screen: Rect, target: Option<Rect>, size: Vec2) -> Pos2 {
    let inner = screen.shrink(MARGIN);
    let Some(target) = target else {
        return inner.center() - size / 2.0;
    };
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
    candidates
        .iter()
        .find(fits)
        .copied()
        .unwrap_or(inner.max - size)
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
            let sheet = Rect::from_min_size(place(screen, Some(target), size), size);
            assert!(screen.contains_rect(sheet), "{sheet:?}");
            assert!(!sheet.intersects(target), "{sheet:?} over {target:?}");
        }
        let whole = Rect::from_min_size(place(screen, Some(screen), size), size);
        assert!(screen.contains_rect(whole));
        let middle = Rect::from_min_size(place(screen, None, size), size);
        assert_eq!(middle.center(), screen.center());
    }

    #[test]
    fn the_dimmed_parts_leave_the_hole() {
        let screen = Rect::from_min_size(Pos2::ZERO, vec2(100.0, 80.0));
        let hole = Rect::from_min_max(pos2(20.0, 10.0), pos2(60.0, 70.0));
        let area: f32 = around(screen, hole).iter().map(|part| part.area()).sum();
        assert_eq!(area + hole.area(), screen.area());
    }
}
