//! Each patch's likeliest word, printed over it.

use eframe::egui::{self, Align2, Color32, FontId, Rect, Slider, TextStyle, WidgetInfo, vec2};

use super::{desk::Desk, text};
use crate::{
    app::{
        glossary::{Term, term_as},
        letters, picture,
        store::Store,
        theme,
        views::states::missing,
    },
    report::{LensToken, TokenKind},
};

/// Least width of a patch that has room for its word; of narrower ones only some are written.
const LEAST_WIDTH: f32 = 40.0;

/// How dark the image and, on it, the plates under the words are: white can be read over any image.
const SHADE: u8 = 60;
const PLATE: u8 = 185;

/// What the image shows: attention, words, or nothing but itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Attention,
    Words,
    Nothing,
}

impl Over {
    fn called(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Words => "words",
            Self::Nothing => "nothing",
        }
    }
}

/// Which of them lies over the image; for words the layer, and what they say and what not, or what is missing.
pub fn controls(ui: &mut egui::Ui, desk: &mut Desk<'_>, store: &Store) {
    let room = ui.available_width();
    ui.horizontal_wrapped(|ui| {
        choice(ui, desk);
        if desk.view.words {
            layer(ui, desk, room);
        }
    });
    if !desk.view.words {
        return;
    }
    match &desk.words {
        Ok(_) => {
            ui.label(
                "The likeliest next word by the logit lens, not a name of what is seen: late layers predict \
                 what follows, and a patch has read those before it.",
            );
        }
        Err(Some(gap)) => {
            desk.wish = missing(ui, store, gap, "the words of all patches").or(desk.wish);
        }
        Err(None) => {}
    }
}

fn choice(ui: &mut egui::Ui, desk: &mut Desk<'_>) {
    let now = match (desk.view.words, desk.view.overlay) {
        (true, _) => Over::Words,
        (false, true) => Over::Attention,
        (false, false) => Over::Nothing,
    };
    ui.spacing_mut().item_spacing.x = 2.0;
    for (over, name) in [
        (Over::Attention, "Attention"),
        (Over::Words, "Words"),
        (Over::Nothing, "Image"),
    ] {
        let response = ui.selectable_label(now == over, name);
        let label = format!("Show on the image: {}", over.called());
        if response.accessible_name(label).clicked() {
            desk.view.words = over == Over::Words;
            desk.view.overlay = over == Over::Attention;
            ui.ctx().request_repaint();
        }
    }
}

/// The layer after which the words are read, in a row of so much room.
fn layer(ui: &mut egui::Ui, desk: &mut Desk<'_>, room: f32) {
    ui.add_space(10.0);
    let label = term_as(ui, Term::Layer, "layer");
    ui.add_space(4.0);
    let mut state = desk.view.state();
    // What stands before and behind it takes some 300 points: with the least width it fits from 341 on, a phone's
    // card. A wider one would widen the column.
    ui.spacing_mut().slider_width = (room - 305.0).clamp(36.0, 200.0);
    let slider = Slider::new(&mut state, 0..=desk.layers);
    let response = ui.add(slider).labelled_by(label.id);
    if response.changed() {
        desk.view.inputs = state == 0;
        desk.view.layer = state.max(1);
    }
    response.on_hover_text("0 is before the first layer");
}

/// The word of the token at a position, with its probability.
pub fn told(desk: &Desk<'_>, position: usize) -> Option<String> {
    let words = desk.words.as_ref().ok().filter(|_| desk.view.words)?;
    let (_, token) = words.words.iter().find(|(at, _)| *at == position)?;
    Some(format!(
        "“{}” {}",
        text::readable(&token.text),
        text::percent(token.probability)
    ))
}

/// Prints the words over the image drawn at `frame`.
pub fn paint(ui: &egui::Ui, painter: &egui::Painter, frame: Rect, desk: &Desk<'_>) {
    let Ok(words) = &desk.words else { return };
    let grid = desk.grid();
    let [_, columns] = grid.map(|side| side.max(1));
    let font = TextStyle::Small.resolve(ui.style());
    let every = (letters::grown(ui, LEAST_WIDTH) / (frame.width() / columns as f32))
        .ceil()
        .max(1.0) as usize;
    painter.rect_filled(frame, 0.0, Color32::from_black_alpha(SHADE));
    let here = |position: usize| {
        let token = desk.pair.tokens.get(position)?;
        let vision = token.kind == TokenKind::Vision && token.picture == desk.picture();
        token.patch.filter(|_| vision)
    };
    let mut written = Vec::new();
    for (position, token) in &words.words {
        let Some(patch) = here(*position) else {
            continue;
        };
        if !(patch / columns).is_multiple_of(every) || !(patch % columns).is_multiple_of(every) {
            continue;
        }
        let mut cell = picture::patch_rect(frame, grid, patch);
        cell.set_width((cell.width() * every as f32).min(frame.right() - cell.left()));
        word(painter, &font, cell, token);
        written.push(text::readable(&token.text).into_owned());
    }
    let said = format!("Words over the image, row by row: {}", written.join(", "));
    let response = ui.interact(
        Rect::from_min_size(frame.min, vec2(1.0, 1.0)),
        ui.scope_id().with("words over the image"),
        egui::Sense::hover(),
    );
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &said));
}

/// A word on a dark plate, so that it can be read over any image, with a line as long as it is likely.
fn word(painter: &egui::Painter, font: &FontId, cell: Rect, token: &LensToken) {
    let words = fitting(
        painter,
        &text::readable(&token.text),
        font,
        cell.width() - 5.0,
    );
    let galley = painter.layout_no_wrap(words, font.clone(), Color32::WHITE);
    let size = vec2(cell.width() - 1.0, galley.size().y + 4.0);
    let plate = Rect::from_center_size(cell.center(), size);
    painter.rect_filled(plate, 2.0, Color32::from_black_alpha(PLATE));
    let corner = Align2::CENTER_CENTER.anchor_size(plate.center() - vec2(0.0, 1.0), galley.size());
    painter.galley(corner.min, galley, Color32::WHITE);
    let share = token.probability.clamp(0.0, 1.0);
    let line = Rect::from_min_max(
        egui::pos2(plate.left(), plate.bottom() - 2.5),
        egui::pos2(plate.left() + plate.width() * share, plate.bottom()),
    );
    painter.rect_filled(line, 0.0, Color32::WHITE);
}

/// The word, cut where it is wider than its patch.
fn fitting(painter: &egui::Painter, word: &str, font: &FontId, room: f32) -> String {
    let width = |words: &str| {
        let galley = painter.layout_no_wrap(words.to_owned(), font.clone(), Color32::WHITE);
        galley.size().x
    };
    if width(word) <= room {
        return word.to_owned();
    }
    let mut letters: Vec<char> = word.chars().collect();
    while letters.pop().is_some() {
        let cut: String = letters.iter().chain(&['…']).collect();
        if width(&cut) <= room {
            return cut;
        }
    }
    "…".to_owned()
}

/// What the lines under the words mean.
pub fn legend(ui: &mut egui::Ui, desk: &Desk<'_>) {
    if desk.view.words && desk.words.is_ok() {
        let line = "The white line under a word is as long as the word is likely.";
        let font = TextStyle::Body.resolve(ui.style());
        ui.label(
            egui::RichText::new(line)
                .font(font)
                .color(theme::colors(ui).faint),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_can_be_read_over_a_white_image() {
        let passes = |alpha: u8| 1.0 - f64::from(alpha) / 255.0;
        let shown = passes(SHADE) * passes(PLATE);
        let luminance = ((shown + 0.055) / 1.055).powf(2.4);
        let contrast = 1.05 / (luminance + 0.05);
        assert!(contrast >= 4.5, "{contrast:.1}");
    }
}
