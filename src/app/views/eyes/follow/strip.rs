//! A strip of numbers: a small bar for each, upward above 0 and downward below.

use eframe::egui::{Color32, Painter, Rect};

use crate::report::Strip;

/// Draws the strip, its largest number as high as there is room.
pub(super) fn paint(painter: &Painter, rect: Rect, strip: &Strip, ink: Color32) {
    let most = strip
        .values
        .iter()
        .fold(0.0f32, |most, value| most.max(value.abs()));
    if most <= 0.0 || !most.is_finite() || strip.values.is_empty() {
        return;
    }
    let step = rect.width() / strip.values.len() as f32;
    let half = rect.height() / 2.0;
    for (index, value) in strip.values.iter().enumerate() {
        let left = rect.left() + step * index as f32;
        let high = half * (value / most).clamp(-1.0, 1.0);
        let (top, bottom) = match high >= 0.0 {
            true => (rect.center().y - high, rect.center().y),
            false => (rect.center().y, rect.center().y - high),
        };
        // What is next to nothing still shows where it is.
        let bar = Rect::from_x_y_ranges(
            left..=left + (0.8 * step).max(0.8),
            top..=bottom.max(top + 0.8),
        );
        painter.rect_filled(bar, 0.0, ink);
    }
}
