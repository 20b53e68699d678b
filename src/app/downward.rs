//! What is higher than its place: it scrolls, and says where more of it is below.

use std::{fmt::Debug, hash::Hash};

use eframe::egui::{self, Rect, ScrollArea};

use super::cue::{self, Side};

/// How much of what is seen a press of the arrow moves on.
const STEP: f32 = 0.8;
/// Less than this below the fold is empty.
const LEAST: f32 = 16.0;

/// Shows a view, as high as there is room, and more of it below.
pub fn page<R>(
    ui: &mut egui::Ui,
    salt: impl Hash + Debug,
    content: impl FnOnce(&mut egui::Ui) -> R,
) -> R {
    show(ui, salt, ScrollArea::vertical().auto_shrink(false), content)
}

/// Shows `content` in an area that scrolls up and down. Where a part of it lies below, it fades there, and an arrow moves
/// it.
///
/// `salt` tells it from other areas in `ui`.
pub fn show<R>(
    ui: &mut egui::Ui,
    salt: impl Hash + Debug,
    area: ScrollArea,
    content: impl FnOnce(&mut egui::Ui) -> R,
) -> R {
    let pressed = ui.scope_id().with(("moved downward by", &salt));
    let shown = area.id_salt(salt).show(ui, |ui| {
        // What was asked for in the last frame.
        if let Some(moved) = ui.data_mut(|data| data.remove_temp::<f32>(pressed)) {
            ui.scroll_with_delta(-moved * Side::Below.way());
        }
        content(ui)
    });
    let place: Rect = shown.inner_rect;
    let below = shown.content_size.y - place.height() - shown.state.clamped_offset().y;
    // It may itself lie in an area that scrolls.
    let seen = place.intersect(ui.clip_rect());
    if below > LEAST && seen.is_positive() && cue::show(ui, shown.id, seen, Side::Below) {
        ui.data_mut(|data| data.insert_temp(pressed, STEP * place.height()));
        ui.ctx().request_repaint();
    }
    shown.inner
}
