//! Says at a side of what scrolls that there is more: it fades there, and an arrow moves it.

use eframe::egui::{self, Direction, Rect, Role, Sense, Shape, Stroke, Vec2, WidgetInfo, vec2};

use super::theme;

/// Width of the fade at a side where there is more.
const FADE: f32 = 36.0;
/// Size of the arrow's button, along the side and away from it.
const BUTTON: [f32; 2] = [30.0, 22.0];

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What comes before.
    Left,
    /// What comes after.
    Right,
    /// What is under the fold.
    Below,
}

impl Side {
    /// What its arrow is called.
    fn label(self) -> &'static str {
        match self {
            Self::Left => "More on the left",
            Self::Right => "More on the right",
            Self::Below => "More below",
        }
    }

    /// The direction in which it moves.
    fn way(self) -> Vec2 {
        match self {
            Self::Left => vec2(-1.0, 0.0),
            Self::Right => vec2(1.0, 0.0),
            Self::Below => vec2(0.0, 1.0),
        }
    }

    /// The strip of `seen` along the side, so many points deep.
    fn strip(self, mut seen: Rect, depth: f32) -> Rect {
        match self {
            Self::Left => seen.set_width(depth),
            Self::Right => *seen.left_mut() = seen.right() - depth,
            Self::Below => *seen.top_mut() = seen.bottom() - depth,
        }
        seen
    }
}

/// How much of what is seen a press of an arrow moves on.
const STEP: f32 = 0.8;

/// Moves what `ui` scrolls by as much as a press of an arrow asked for in the last frame; `id` is that of [`show`].
pub fn follow(ui: &egui::Ui, id: egui::Id) {
    if let Some(moved) = ui.data_mut(|data| data.remove_temp::<Vec2>(id)) {
        ui.scroll_with_delta(-moved);
    }
}

/// Draws, where something of it is seen, that there is more at a side of the area at `place`. A press of the arrow
/// moves it, see [`follow`]; `id` tells it from other areas.
pub fn show(ui: &egui::Ui, id: egui::Id, place: Rect, side: Side) {
    // It may itself lie in an area that scrolls.
    let seen = place.intersect(ui.clip_rect());
    if seen.is_positive() && draw(ui, id, seen, side) {
        let moved = STEP * place.size() * side.way();
        ui.data_mut(|data| data.insert_temp(id, moved));
        ui.ctx().request_repaint();
    }
}

/// Draws it; whether the arrow was pressed.
fn draw(ui: &egui::Ui, id: egui::Id, seen: Rect, side: Side) -> bool {
    let background = ui.stack().bg_color();
    // From the side where the background covers all.
    let direction = match side {
        Side::Left => Direction::LeftToRight,
        Side::Right => Direction::RightToLeft,
        Side::Below => Direction::BottomUp,
    };
    let colors = [background, egui::Color32::TRANSPARENT];
    let fade = Shape::gradient_rect(side.strip(seen, FADE), direction, colors);
    ui.painter().add(fade);
    let [along, away] = BUTTON;
    let size = match side {
        Side::Left | Side::Right => vec2(away, along),
        Side::Below => vec2(along, away),
    };
    let button = Rect::from_center_size(side.strip(seen, away).center(), size);
    let response = ui.interact(button, id.with(side.label()), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), side.label()));
    let colors = theme::colors(ui);
    let attended = response.hovered() || response.has_focus();
    let ink = if attended { colors.card } else { colors.accent };
    let fill = if attended { colors.accent } else { colors.card };
    let painter = ui.painter();
    painter.rect(
        button.shrink(1.0),
        6.0,
        fill,
        Stroke::new(1.0, colors.accent),
        egui::StrokeKind::Inside,
    );
    let way = side.way();
    let ends = [-6.0, 6.0].map(|along| button.center() - 3.0 * way + along * way.rot90());
    let tip = button.center() + 3.0 * way;
    painter.add(Shape::line(
        vec![ends[0], tip, ends[1]],
        Stroke::new(2.0, ink),
    ));
    response.clicked()
}
