//! The image with its patch grid: point at a patch, click it, or walk over it with the arrow keys.

use eframe::egui::{
    self, Color32, EventFilter, Key, Modifiers, Rect, Response, Sense, Stroke, StrokeKind,
    WidgetInfo, vec2,
};

use super::{
    attention,
    desk::Desk,
    place::{middle, place_of, title},
    text, words,
};
use crate::app::{
    glossary::{Term, term_as},
    letters, picture,
    store::Store,
    theme,
};

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let [rows, columns] = desk.shown().map_or([0; 2], |shown| shown.patches);
    ui.horizontal_wrapped(|ui| {
        ui.strong("What the model sees");
        ui.add_space(4.0);
        term_as(ui, Term::Patch, format!("{rows} × {columns} patches"));
    });
    pictures(ui, desk);
    if desk.can_show_words {
        words::controls(ui, desk, store);
    }
    let room = vec2(ui.available_width(), tallest(ui, desk.view.words));
    pointed_at(ui, desk, room);
    status(ui, desk);
    tokens_of_patches(ui, desk);
    attention::legend(ui, desk);
    words::legend(ui, desk);
}

/// Draws the picture into `room`, and selects what is pointed at; returns where it is.
pub fn pointed_at(ui: &mut egui::Ui, desk: &mut Desk<'_>, room: egui::Vec2) -> Rect {
    let size = picture::fitted_of(desk.pair, desk.picture(), room);
    let (frame, response) = ui.allocate_exact_size(size, Sense::click());
    describe(&response, desk);
    walk(ui, &response, desk);
    let grid = desk.grid();
    if let Some(patch) = response
        .hover_pos()
        .and_then(|point| picture::patch_at(frame, grid, point))
    {
        desk.hover = desk.position_of(patch);
    }
    if response.clicked()
        && let Some(point) = response.interact_pointer_pos()
        && let Some(patch) = picture::patch_at(frame, grid, point)
    {
        desk.view.patch = desk.position_of(patch).or(desk.view.patch);
    }
    if ui.is_rect_visible(frame) {
        paint(ui, frame, desk, response.has_focus());
    }
    response.on_hover_cursor(egui::CursorIcon::PointingHand);
    frame
}

/// The chooser of the picture, where there are several.
fn pictures(ui: &mut egui::Ui, desk: &mut Desk<'_>) {
    let count = desk.pair.pictures.len();
    if count < 2 {
        return;
    }
    let mut number = desk.picture();
    ui.horizontal_wrapped(|ui| {
        let back = ui.add_enabled(number > 0, egui::Button::new("◀"));
        let on = ui.add_enabled(number + 1 < count, egui::Button::new("▶"));
        if back.accessible_name("Previous image").clicked() {
            number -= 1;
        }
        if on.accessible_name("Next image").clicked() {
            number += 1;
        }
        let name = |number| title(desk.pair, number);
        let chooser = egui::ComboBox::from_id_salt("picture of the pair")
            .selected_text(name(number))
            .show_ui(ui, |ui| {
                for other in 0..count {
                    ui.selectable_value(&mut number, other, name(other));
                }
            });
        chooser.response.accessible_name("Image of the document");
    });
    if number != desk.picture() {
        desk.view.patch = middle(desk.pair, number).or(desk.view.patch);
        // What is drawn already shows the picture before.
        ui.ctx().request_repaint();
    }
}

/// Says how tokens and patches differ, where the connector does not make one of each other.
fn tokens_of_patches(ui: &mut egui::Ui, desk: &Desk<'_>) {
    let Some(shown) = desk.shown() else { return };
    let line = match shown.grid {
        Some(grid) if grid == shown.patches => return,
        Some([rows, columns]) => format!(
            "The connector makes {rows} × {columns} tokens of these patches: each square stands for \
             several of them."
        ),
        None => {
            "The connector gathers each token from the whole image, so that a token stands for no \
                 place in it: they are shown as a plain grid beside the image."
                .to_owned()
        }
    };
    ui.label(egui::RichText::new(line).color(theme::colors(ui).faint));
}

/// The height that leaves room for what stands around the image; words need more of it.
pub fn tallest(ui: &egui::Ui, words: bool) -> f32 {
    let around = if words { 335.0 } else { 330.0 };
    letters::height_beside(ui, around, 240.0)
}

fn describe(response: &Response, desk: &Desk<'_>) {
    let [rows, columns] = desk.shown().map_or([0; 2], |shown| shown.patches);
    let selected = (desk.view.patch)
        .and_then(|position| place_of(desk.pair, position))
        .unwrap_or_else(|| "none selected".to_owned());
    response.widget_info(|| {
        let label = format!(
            "Image of {} in {rows} by {columns} patches; {selected}",
            desk.called
        );
        WidgetInfo::labeled(egui::Role::Image, true, label)
    });
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
    let [rows, columns] = desk.grid();
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
    if let Some(texture) = picture::texture(ui.ctx(), desk.number, desk.pair, desk.picture()) {
        picture::paint(&painter, &texture, frame);
    }
    attention::paint(&painter, frame, desk);
    if desk.view.words {
        words::paint(ui, &painter, frame, desk);
    }
    let cells = desk.grid();
    grid(&painter, frame, cells);
    if let Some(crops) = desk.shown().and_then(|shown| shown.crops) {
        // Between its crops the tower sees nothing of the rest.
        grid(&painter, frame, crops);
    }
    // The patches that a recording knows more about.
    for position in &desk.recorded {
        if let Some(patch) = desk.patch_of(*position) {
            let corner = picture::patch_rect(frame, cells, patch).right_top();
            let center = corner + vec2(-6.0, 6.0);
            painter.circle(center, 3.0, colors.vision, Stroke::new(1.0, Color32::WHITE));
        }
    }
    let outline = |position: Option<usize>, width: f32, color: Color32| {
        if let Some(patch) = position.and_then(|position| desk.patch_of(position)) {
            let rect = picture::patch_rect(frame, cells, patch);
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

/// One line about the token under the pointer, or the selected one.
fn status(ui: &mut egui::Ui, desk: &Desk<'_>) {
    let placed = |position: Option<usize>| {
        let position = position?;
        Some((position, place_of(desk.pair, position)?))
    };
    let line = match (placed(desk.hovered), placed(desk.view.patch)) {
        (Some((position, place)), _) => {
            let mut line = format!("{place}: token {}", position + 1);
            if let Some(word) = words::told(desk, position) {
                line += &format!(", {word}");
            }
            if let Some(weight) = attention::weight(desk, position) {
                line += &format!(", attention {}", text::percent(weight));
            }
            line
        }
        (None, Some((position, place))) => {
            format!("Selected: {place}, token {} of the prompt", position + 1)
        }
        (None, None) => "Click a patch to see its likeliest next words.".to_owned(),
    };
    ui.label(egui::RichText::new(line).color(theme::colors(ui).faint));
}
