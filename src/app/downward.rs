//! What is higher than its place: it scrolls, and says where more of it is below.

use std::{fmt::Debug, hash::Hash};

use eframe::egui::{self, ScrollArea};

use super::cue::{self, Side};

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
    let id = ui.scope_id().with(("moved downward by", &salt));
    let shown = area.id_salt(salt).show(ui, |ui| {
        cue::follow(ui, id);
        content(ui)
    });
    let place = shown.inner_rect;
    let below = shown.content_size.y - place.height() - shown.state.clamped_offset().y;
    if below > LEAST {
        cue::show(ui, id, place, Side::Below);
    }
    shown.inner
}
