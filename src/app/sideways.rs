//! What is wider than its place: it scrolls inside itself, and says so at the side where there is more.

use eframe::egui::{
    self, Direction, Rect, Role, ScrollArea, Sense, Shape, Stroke, Vec2, WidgetInfo, pos2, vec2,
};

use super::theme;

/// Width of the fade at a side where there is more.
const FADE: f32 = 36.0;
/// Size of the arrow's button.
const BUTTON: Vec2 = vec2(22.0, 30.0);
/// How much of what is seen a press of the arrow moves on.
const STEP: f32 = 0.8;

/// A side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

impl Side {
    /// What its arrow is called.
    fn label(self) -> &'static str {
        match self {
            Self::Left => "More on the left",
            Self::Right => "More on the right",
        }
    }

    /// The direction in which it moves.
    fn sign(self) -> f32 {
        match self {
            Self::Left => -1.0,
            Self::Right => 1.0,
        }
    }
}

/// Shows `content` in an area that scrolls sideways. Where a part of it is out of sight at a side, it fades there, and
/// an arrow moves it.
///
/// `salt` tells it from other areas in `ui`.
pub fn show<R>(
    ui: &mut egui::Ui,
    salt: &str,
    area: ScrollArea,
    content: impl FnOnce(&mut egui::Ui) -> R,
) -> R {
    let pressed = ui.scope_id().with(("moved sideways by", salt));
    let placed = ui.scope(|ui| {
        area.id_salt(salt).show(ui, |ui| {
            // What was asked for in the last frame; positive is to the left.
            if let Some(moved) = ui.data_mut(|data| data.remove_temp::<f32>(pressed)) {
                ui.scroll_with_delta(vec2(-moved, 0.0));
            }
            let inner = content(ui);
            // The place in it that somebody wants to see, upwards and downwards: an area that scrolls sideways drops that
            // where it should leave it to what it lies in.
            let sought = ui.ctx().viewport(|viewport| {
                let sought = viewport.this_pass.scroll_target[1].as_ref();
                sought.map(|target| (target.range, target.align, target.animation))
            });
            (inner, sought)
        })
    });
    let shown = placed.inner;
    // What the area says of its height is what it was offered, not what it took.
    let height = placed.response.rect.height();
    let place = Rect::from_min_size(shown.inner_rect.min, vec2(shown.inner_rect.width(), height));
    let (inner, sought) = shown.inner;
    if let Some((range, align, animation)) = sought {
        let inside = Rect::from_x_y_ranges(place.x_range(), range).intersect(place);
        // What an area that scrolls both ways brings into sight is somewhere in it.
        let to = if inside.height() >= 0.0 {
            inside
        } else {
            place
        };
        ui.scroll_to_rect_animation(to, align, animation);
    }
    let at = shown.state.clamped_offset().x;
    let most = shown.content_size.x - place.width();
    // It may itself lie in an area that scrolls.
    let seen = place.intersect(ui.clip_rect());
    for (side, more) in [(Side::Left, at), (Side::Right, most - at)] {
        if more > 1.0 && seen.is_positive() && cue(ui, shown.id, seen, side) {
            let moved = side.sign() * STEP * place.width();
            ui.data_mut(|data| data.insert_temp(pressed, moved));
            ui.ctx().request_repaint();
        }
    }
    inner
}

/// Draws that there is more at a side; whether its arrow was pressed.
fn cue(ui: &egui::Ui, id: egui::Id, seen: Rect, side: Side) -> bool {
    let background = ui.stack().bg_color();
    let (edge, direction) = match side {
        Side::Left => (seen.left(), Direction::LeftToRight),
        Side::Right => (seen.right() - FADE, Direction::RightToLeft),
    };
    let fade = Rect::from_min_size(pos2(edge, seen.top()), vec2(FADE, seen.height()));
    let colors = [background, egui::Color32::TRANSPARENT];
    ui.painter()
        .add(Shape::gradient_rect(fade, direction, colors));
    let middle = match side {
        Side::Left => seen.left() + BUTTON.x / 2.0,
        Side::Right => seen.right() - BUTTON.x / 2.0,
    };
    let button = Rect::from_center_size(pos2(middle, seen.center().y), BUTTON);
    let response = ui.interact(button, id.with(side.label()), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Button, ui.is_enabled(), side.label()));
    let colors = theme::colors(ui);
    let attended = response.hovered() || response.has_focus();
    let ink = if attended { colors.card } else { colors.accent };
    let fill = if attended { colors.accent } else { colors.card };
    let painter = ui.painter();
    painter.rect(
        button.shrink2(vec2(1.0, 2.0)),
        6.0,
        fill,
        Stroke::new(1.0, colors.accent),
        egui::StrokeKind::Inside,
    );
    let reach = vec2(3.0, 6.0);
    let tip = button.center() + vec2(side.sign() * reach.x, 0.0);
    let back = button.center().x - side.sign() * reach.x;
    let ends = [-1.0, 1.0].map(|way| pos2(back, button.center().y + way * reach.y));
    painter.add(Shape::line(
        vec![ends[0], tip, ends[1]],
        Stroke::new(2.0, ink),
    ));
    response.clicked()
}
