//! The words that a patch is nearest to, state by state.

use eframe::egui::{self, Align2, Rect, Sense, Stroke, StrokeKind, TextStyle, WidgetInfo, vec2};

use super::{desk::Desk, place::place_of, text};
use crate::{
    app::{
        glossary::{Term, prose, term_as},
        store::Store,
        theme,
        views::states::missing,
    },
    report::{LensState, LensToken},
    words::counted,
};

/// Room that one word needs, in heights of a line.
const WORD_WIDTH: f32 = 6.2;

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    ui.horizontal_wrapped(|ui| {
        ui.strong("What the patch says");
        ui.add_space(4.0);
        term_as(ui, Term::LogitLens, "logit lens");
        if let Some(place) = desk.view.patch.and_then(|at| place_of(desk.pair, at)) {
            ui.label(egui::RichText::new(place).color(theme::colors(ui).faint));
        }
    });
    match &desk.lens {
        Ok(lens) => {
            prose(
                ui,
                "The likeliest next words after this {patch}, with their {probability}, at every {layer}. \
                 Click a row to select its layer.",
            );
            let states = &lens.states;
            ui.spacing_mut().item_spacing.y = 2.0;
            for state in states {
                row(ui, &mut desk.view.layer, state);
            }
        }
        Err(Some(gap)) => {
            desk.wish = missing(ui, store, gap, "the words of this patch").or(desk.wish);
            let marked = desk.recorded.len();
            if marked > 0 {
                ui.label(format!(
                    "The recording holds the words of {}, marked by a dot.",
                    counted(marked, "patch")
                ));
            }
        }
        Err(None) => {
            ui.label("Click a patch in the image.");
        }
    }
}

/// One state: its name, then its words as bars.
fn row(ui: &mut egui::Ui, layer: &mut usize, state: &LensState) {
    let line = ui.text_style_height(&TextStyle::Body);
    let height = line + 8.0;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::click());
    let selected = state.state == *layer;
    let title = title_of(state.state);
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, selected, told(state)));
    if response.clicked() && state.state > 0 {
        *layer = state.state;
    }
    if !ui.is_rect_visible(rect) {
        return;
    }
    let colors = theme::colors(ui);
    if selected {
        ui.painter()
            .rect_filled(rect, 5.0, colors.accent.gamma_multiply(0.13));
    }
    if selected || response.hovered() {
        let stroke = Stroke::new(1.0, if selected { colors.accent } else { colors.line });
        ui.painter()
            .rect_stroke(rect, 5.0, stroke, StrokeKind::Inside);
    }
    theme::focus_ring(ui, &response);
    let ink = ui.visuals().text_color();
    let font = TextStyle::Body.resolve(ui.style());
    let longest = ui.painter().layout_no_wrap(title_of(0), font.clone(), ink);
    let left = longest.size().x + 18.0;
    ui.painter().text(
        rect.left_center() + vec2(8.0, 0.0),
        Align2::LEFT_CENTER,
        &title,
        font,
        if selected { ink } else { colors.faint },
    );
    let room = Rect::from_min_max(rect.min + vec2(left, 0.0), rect.max);
    cells(ui, room, state);
}

/// A state's words alone.
pub fn line(ui: &mut egui::Ui, state: &LensState) {
    let height = ui.text_style_height(&TextStyle::Body) + 8.0;
    let (rect, response) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, told(state)));
    cells(ui, rect, state);
}

/// What those hear who do not see the bars.
fn told(state: &LensState) -> String {
    let word = |token: &LensToken| {
        let percent = text::percent(token.probability);
        format!("{} {percent}", text::readable(&token.text))
    };
    let words: Vec<String> = state.tokens.iter().take(3).map(word).collect();
    format!("{}: {}", title_of(state.state), words.join(", "))
}

/// The words beside each other, as many as there is room for.
fn cells(ui: &egui::Ui, room: Rect, state: &LensState) {
    let line = ui.text_style_height(&TextStyle::Body);
    let height = room.height();
    let most = state.tokens.len().clamp(1, 5);
    let number = ((room.width() / (line * WORD_WIDTH)) as usize).clamp(1, most);
    let width = room.width() / number as f32;
    for (index, token) in state.tokens.iter().take(number).enumerate() {
        let corner = room.min + vec2(width * index as f32, 0.0);
        let cell = Rect::from_min_size(corner, vec2(width - 6.0, height));
        word(ui, cell, token, twice(state, token));
    }
}

/// What a state is called in a narrow column.
fn title_of(state: usize) -> String {
    if state == 0 {
        "as it enters".to_owned()
    } else {
        format!("layer {state}")
    }
}

/// Whether the row holds the same word with and without a space before it.
fn twice(state: &LensState, token: &LensToken) -> bool {
    let same = |other: &&LensToken| other.text.trim() == token.text.trim();
    state.tokens.iter().filter(same).count() > 1
}

/// A word over a bar as long as its probability.
fn word(ui: &egui::Ui, cell: Rect, token: &LensToken, dotted: bool) {
    let colors = theme::colors(ui);
    let ink = ui.visuals().text_color();
    let cell = cell.shrink2(vec2(0.0, 3.0));
    let share = token.probability.clamp(0.0, 1.0);
    ui.painter()
        .rect_filled(cell, 4.0, colors.vision.gamma_multiply(0.09));
    let bar = Rect::from_min_size(cell.min, vec2(cell.width() * share, cell.height()));
    ui.painter()
        .rect_filled(bar, 4.0, colors.vision.gamma_multiply(0.38));
    // The pale bar alone would hardly be seen.
    let line = Rect::from_min_max(egui::pos2(bar.left(), bar.bottom() - 2.0), bar.max);
    ui.painter().rect_filled(line, 0.0, colors.vision);
    let words = if dotted {
        text::with_space(&token.text)
    } else {
        text::readable(&token.text)
    };
    let painter = ui.painter().with_clip_rect(cell.intersect(ui.clip_rect()));
    let small = TextStyle::Small.resolve(ui.style());
    let percent = painter.text(
        cell.right_center() - vec2(5.0, 0.0),
        Align2::RIGHT_CENTER,
        text::percent(token.probability),
        small,
        colors.faint,
    );
    let room = Rect::from_min_max(cell.min, egui::pos2(percent.left() - 3.0, cell.bottom()));
    ui.painter()
        .with_clip_rect(room.intersect(ui.clip_rect()))
        .text(
            cell.left_center() + vec2(6.0, 0.0),
            Align2::LEFT_CENTER,
            words,
            TextStyle::Body.resolve(ui.style()),
            ink,
        );
}
