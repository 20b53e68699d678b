//! What is wider than its place: it scrolls inside itself, and says so at the side where there is more.

use eframe::egui::{self, Rect, ScrollArea, vec2};

use super::cue::{self, Side};

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
    let id = ui.scope_id().with(("moved sideways by", salt));
    let placed = ui.scope(|ui| {
        area.id_salt(salt).show(ui, |ui| {
            cue::follow(ui, id);
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
    for (side, more) in [(Side::Left, at), (Side::Right, most - at)] {
        if more > 1.0 {
            cue::show(ui, id, place, side);
        }
    }
    inner
}
