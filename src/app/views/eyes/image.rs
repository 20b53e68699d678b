//! The image with its patch grid: point at a patch, click it, or walk over it with the arrow keys.

use eframe::egui::{
    self, Color32, EventFilter, Key, Modifiers, Rect, Response, Sense, Stroke, StrokeKind,
    WidgetInfo, vec2,
};

use super::{Desk, attention, text};
use crate::app::{
    glossary::{Term, term_as},
    picture, theme,
};

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, desk: &mut Desk<'_>) {
    let [rows, columns] = desk.pair.grid;
    ui.horizontal_wrapped(|ui| {
        ui.strong("What the model sees");
        ui.add_space(4.0);
        term_as(ui, Term::Patch, format!("{rows} × {columns} patches"));
    });
    let room = vec2(ui.available_width(), tallest(ui));
    let size = picture::fitted(&desk.pair.image, room);
    let (frame, response) = ui.allocate_exact_size(size, Sense::click());
    describe(&response, desk);
    walk(ui, &response, desk);
    if let Some(patch) = response
        .hover_pos()
        .and_then(|point| picture::patch_at(frame, desk.pair.grid, point))
    {
        desk.hover = desk.position_of(patch);
    }
    if response.clicked()
        && let Some(point) = response.interact_pointer_pos()
        && let Some(patch) = picture::patch_at(frame, desk.pair.grid, point)
    {
        desk.view.patch = desk.position_of(patch).or(desk.view.patch);
    }
    if ui.is_rect_visible(frame) {
        paint(ui, frame, desk, response.has_focus());
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand);
    status(ui, desk);
    attention::legend(ui, desk);
}

/// The height that leaves room for what stands around the image.
pub fn tallest(ui: &egui::Ui) -> f32 {
    (ui.ctx().content_rect().height() - 330.0).clamp(240.0, 620.0)
}

fn describe(response: &Response, desk: &Desk<'_>) {
    let [rows, columns] = desk.pair.grid;
    let selected = desk
        .view
        .patch
        .and_then(|position| desk.patch_of(position))
        .map_or("none selected".to_owned(), |patch| place(patch, columns));
    response.widget_info(|| {
        let label = format!(
            "Image of pair {} in {rows} by {columns} patches; {selected}",
            desk.pair.pair + 1
        );
        WidgetInfo::labeled(egui::Role::Image, true, label)
    });
}

/// `row 3, column 4`, counted from 1.
pub fn place(patch: usize, columns: usize) -> String {
    let columns = columns.max(1);
    format!(
        "row {}, column {}",
        patch / columns + 1,
        patch % columns + 1
    )
}

/// Moves the selection with the arrow keys while the image has the focus.
fn walk(ui: &egui::Ui, response: &Response, desk: &mut Desk<'_>) {
    if !response.has_focus() {
        return;
    }
    ui.memory_mut(|memory| {
        memory.set_focus_lock_filter(
            response.id,
            EventFilter {
                horizontal_arrows: true,
                vertical_arrows: true,
                ..EventFilter::default()
            },
        );
    });
    let [rows, columns] = desk.pair.grid;
    if rows == 0 || columns == 0 {
        return;
    }
    let at = desk
        .view
        .patch
        .and_then(|position| desk.patch_of(position))
        .unwrap_or(0);
    let (mut row, mut column) = (at / columns, at % columns);
    let before = (row, column);
    ui.input_mut(|input| {
        let mut pressed = |key| input.consume_key(Modifiers::NONE, key);
        if pressed(Key::ArrowLeft) {
            column = column.saturating_sub(1);
        }
        if pressed(Key::ArrowRight) {
            column = (column + 1).min(columns - 1);
        }
        if pressed(Key::ArrowUp) {
            row = row.saturating_sub(1);
        }
        if pressed(Key::ArrowDown) {
            row = (row + 1).min(rows - 1);
        }
    });
    if (row, column) != before {
        desk.view.patch = desk.position_of(row * columns + column).or(desk.view.patch);
    }
}

fn paint(ui: &egui::Ui, frame: Rect, desk: &Desk<'_>, focused: bool) {
    let colors = theme::colors(ui);
    let painter = ui.painter_at(frame.expand(3.0));
    let texture = picture::texture(ui.ctx(), desk.run.number, desk.pair);
    picture::paint(&painter, &texture, frame);
    attention::paint(&painter, frame, desk);
    grid(&painter, frame, desk.pair.grid);
    // The patches that a recording knows more about.
    let recorded = desk.run.lenses.keys();
    for (_, position) in recorded.filter(|(pair, _)| *pair == desk.pair.pair) {
        if let Some(patch) = desk.patch_of(*position)
            && desk.run.kept.is_none()
        {
            let corner = picture::patch_rect(frame, desk.pair.grid, patch).right_top();
            let center = corner + vec2(-6.0, 6.0);
            painter.circle(center, 3.0, colors.vision, Stroke::new(1.0, Color32::WHITE));
        }
    }
    let outline = |position: Option<usize>, width: f32, color: Color32| {
        if let Some(patch) = position.and_then(|position| desk.patch_of(position)) {
            let rect = picture::patch_rect(frame, desk.pair.grid, patch);
            // White around the color: visible on every image.
            let halo = Stroke::new(width + 2.0, Color32::WHITE);
            painter.rect_stroke(rect, 1.0, halo, StrokeKind::Middle);
            painter.rect_stroke(rect, 1.0, Stroke::new(width, color), StrokeKind::Middle);
        }
    };
    outline(desk.hovered, 1.5, colors.vision);
    outline(desk.view.patch, 2.5, colors.vision);
    if focused {
        let stroke = Stroke::new(2.0, colors.accent);
        painter.rect_stroke(frame, 0.0, stroke, StrokeKind::Outside);
    }
}

/// Thin lines between the patches, dark and light so that they show on every image.
fn grid(painter: &egui::Painter, frame: Rect, [rows, columns]: [usize; 2]) {
    // Lines closer than this would hide the image.
    let finest = frame.width() / columns.max(1) as f32;
    if finest < 5.0 {
        return;
    }
    let dark = Stroke::new(1.0, Color32::from_black_alpha(70));
    let light = Stroke::new(1.0, Color32::from_white_alpha(60));
    for column in 1..columns {
        let x = frame.left() + frame.width() * column as f32 / columns as f32;
        painter.vline(x, frame.y_range(), dark);
        painter.vline(x + 1.0, frame.y_range(), light);
    }
    for row in 1..rows {
        let y = frame.top() + frame.height() * row as f32 / rows as f32;
        painter.hline(frame.x_range(), y, dark);
        painter.hline(frame.x_range(), y + 1.0, light);
    }
}

/// One line about the patch under the pointer, or the selected one.
fn status(ui: &mut egui::Ui, desk: &Desk<'_>) {
    let columns = desk.pair.grid[1];
    let hovered = desk.hovered.and_then(|position| {
        let patch = desk.patch_of(position)?;
        Some((position, patch))
    });
    let selected = desk.view.patch.and_then(|position| {
        let patch = desk.patch_of(position)?;
        Some((position, patch))
    });
    let line = match (hovered, selected) {
        (Some((position, patch)), _) => {
            let mut line = format!("{}: token {}", place(patch, columns), position + 1);
            if let Some(weight) = attention::weight(desk, position) {
                line += &format!(", attention {}", text::percent(weight));
            }
            line
        }
        (None, Some((position, patch))) => format!(
            "Selected: {}, token {} of the prompt",
            place(patch, columns),
            position + 1
        ),
        (None, None) => "Click a patch to see the words it is nearest to.".to_owned(),
    };
    ui.label(egui::RichText::new(line).color(theme::colors(ui).faint));
}
