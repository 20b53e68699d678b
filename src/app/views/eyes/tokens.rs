//! The pair's prompt as the language model reads it: vision tokens as squares, text as chips.

use std::ops::Range;

use eframe::egui::{
    self, Color32, Rect, Sense, Stroke, StrokeKind, TextStyle, WidgetInfo, pos2, vec2,
};

use super::{
    attention,
    desk::Desk,
    place::{place_of, title},
    text,
};
use crate::{
    app::{
        glossary::{Term, term_as},
        letters, theme,
    },
    report::{TokenKind, TokenView},
    words::{counted, plural},
};

/// Most chips that are drawn before the reader asks for all.
const MOST_CHIPS: usize = 300;

/// Draws the card's content.
pub fn show(ui: &mut egui::Ui, desk: &mut Desk<'_>) {
    header(ui, &desk.pair.tokens);
    let all = ui.scope_id().with("all chips");
    let everything = ui.data(|data| data.get_temp::<bool>(all).unwrap_or(false));
    let mut left = if everything { usize::MAX } else { MOST_CHIPS };
    for run in runs(&desk.pair.tokens) {
        let vision = desk.pair.tokens[run.start].kind == TokenKind::Vision;
        if vision {
            squares(ui, desk, run);
            continue;
        }
        let shown = run.start..run.end.min(run.start.saturating_add(left));
        left -= shown.len();
        let hidden = run.end - shown.end;
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
            for position in shown {
                chip(ui, desk, position);
            }
            if hidden > 0
                && ui
                    .button(format!("{hidden} more {}", plural(hidden, "token")))
                    .clicked()
            {
                ui.data_mut(|data| data.insert_temp(all, true));
            }
        });
    }
}

fn header(ui: &mut egui::Ui, tokens: &[TokenView]) {
    let number = |kind| tokens.iter().filter(|token| token.kind == kind).count();
    ui.horizontal_wrapped(|ui| {
        ui.strong("What the language model reads");
        ui.add_space(4.0);
        for (kind, term) in [
            (TokenKind::Vision, Term::VisionToken),
            (TokenKind::Text, Term::TextToken),
            (TokenKind::Scaffold, Term::Scaffold),
        ] {
            let words = format!("{} {}", number(kind), kind_name(kind));
            let color = theme::colors(ui).token(kind);
            term_as(ui, term, egui::RichText::new(words).color(color));
        }
    });
}

fn kind_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::Vision => "vision",
        TokenKind::Text => "text",
        TokenKind::Scaffold => "scaffold",
    }
}

/// Stretches of the vision tokens of one picture and of others, in order.
fn runs(tokens: &[TokenView]) -> Vec<Range<usize>> {
    let of = |token: &TokenView| (token.kind == TokenKind::Vision).then_some(token.picture);
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (position, token) in tokens.iter().enumerate() {
        match runs.last_mut() {
            Some(last) if of(&tokens[last.start]) == of(token) => {
                last.end = position + 1;
            }
            _ => runs.push(position..position + 1),
        }
    }
    runs
}

/// Where the squares of a stretch of vision tokens stand.
#[derive(Debug, PartialEq)]
struct Squares {
    columns: usize,
    rows: usize,
    /// The square of each token, row by row.
    places: Vec<usize>,
}

/// The squares of a picture's tokens: each in its cell of the grid, those of no place behind them;
/// without a grid one after the other.
fn squares_of(tokens: &[TokenView], grid: Option<[usize; 2]>) -> Squares {
    let even = (tokens.len() as f64).sqrt().ceil() as usize;
    let [rows, columns] = grid.unwrap_or([0, even]);
    let columns = columns.clamp(1, tokens.len().max(1));
    let cells = rows.saturating_mul(columns).min(tokens.len());
    let mut next = cells;
    let places = tokens.iter().map(|token| match token.patch {
        Some(patch) if patch < cells => patch,
        _ => {
            next += 1;
            next - 1
        }
    });
    let places: Vec<usize> = places.collect();
    let last = places.iter().max().map_or(1, |last| last + 1);
    Squares {
        columns,
        rows: last.div_ceil(columns),
        places,
    }
}

/// A stretch of vision tokens, as many in a row as the picture has tokens in one.
fn squares(ui: &mut egui::Ui, desk: &mut Desk<'_>, run: Range<usize>) {
    let room = (ui.available_width() - 8.0).max(40.0);
    let number = desk.pair.tokens[run.start].picture;
    let grid = desk.pair.pictures.get(number).and_then(|shown| shown.grid);
    let Squares {
        columns,
        rows,
        places,
    } = squares_of(&desk.pair.tokens[run.clone()], grid);
    let step = (112.0 / rows as f32)
        .min(room / columns as f32)
        .clamp(3.0, 14.0);
    let gap = if step > 6.0 { 2.0 } else { 0.5 };
    let size = vec2(step * columns as f32, step * rows as f32);
    // What they are beside them, or below.
    let layout = match room < size.x + letters::grown(ui, 150.0) {
        true => egui::Layout::top_down(egui::Align::Min),
        false => egui::Layout::left_to_right(egui::Align::Center),
    };
    ui.allocate_ui_with_layout(vec2(room, 0.0), layout, |ui| {
        let (frame, response) = ui.allocate_exact_size(size, Sense::click());
        let count = run.len();
        response.widget_info(|| {
            let label = format!("{count} vision tokens");
            WidgetInfo::labeled(egui::Role::Image, true, label)
        });
        theme::focus_ring(ui, &response);
        let cell = |position: usize| {
            let place = places[position - run.start];
            let corner = vec2((place % columns) as f32, (place / columns) as f32) * step;
            Rect::from_min_size(frame.min + corner, vec2(step - gap, step - gap))
        };
        let at = |point: egui::Pos2| {
            let inside = (point - frame.min) / step;
            let place = inside.y as usize * columns + (inside.x as usize).min(columns - 1);
            let index = places.iter().position(|other| *other == place)?;
            Some(run.start + index)
        };
        if let Some(position) = response.hover_pos().and_then(at) {
            desk.hover = Some(position);
        }
        if response.clicked()
            && let Some(position) = response.interact_pointer_pos().and_then(at)
        {
            desk.view.patch = Some(position);
        }
        let vision = theme::colors(ui).vision;
        let ink = ui.visuals().text_color();
        // What lies over the image elsewhere lies on the squares where they have no place in it.
        let looked_at = (grid.is_none()).then(|| attention::token_colors(desk));
        let looked_at = looked_at.flatten().unwrap_or_default();
        for position in run.clone() {
            let marked = desk.hovered == Some(position) || desk.view.patch == Some(position);
            let fill = match (looked_at.get(position), marked) {
                (Some(color), _) => *color,
                (None, true) => vision,
                (None, false) => vision.gamma_multiply(0.72),
            };
            ui.painter().rect_filled(cell(position), 1.0, fill);
            if marked {
                let stroke = Stroke::new(1.5, ink);
                ui.painter()
                    .rect_stroke(cell(position), 1.0, stroke, StrokeKind::Outside);
            }
        }
        let pointed = desk.hovered.filter(|position| run.contains(position));
        let words = match pointed.and_then(|position| place_of(desk.pair, position)) {
            Some(place) => place,
            None => format!("{}, {}", title(desk.pair, number), counted(count, "token")),
        };
        ui.label(egui::RichText::new(words).color(theme::colors(ui).faint));
    });
}

/// One text or scaffold token.
fn chip(ui: &mut egui::Ui, desk: &mut Desk<'_>, position: usize) {
    let Some(token) = desk.pair.tokens.get(position) else {
        return;
    };
    let words = text::readable(&token.text).into_owned();
    let font = TextStyle::Body.resolve(ui.style());
    let galley = ui
        .painter()
        .layout_no_wrap(words.clone(), font, Color32::PLACEHOLDER);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(10.0, 4.0), Sense::click());
    let selected = desk.view.query == Some(position);
    response.widget_info(|| {
        let label = format!("{} token {words}", kind_name(token.kind));
        WidgetInfo::selected(egui::Role::Button, true, selected, label)
    });
    if response.hovered() {
        desk.hover = Some(position);
    }
    if response.clicked() {
        desk.view.query = Some(position);
    }
    let color = theme::colors(ui).token(token.kind);
    let strength = if selected { 0.5 } else { 0.16 };
    ui.painter()
        .rect_filled(rect, 5.0, color.gamma_multiply(strength));
    if selected || desk.hovered == Some(position) {
        let stroke = Stroke::new(if selected { 2.0 } else { 1.0 }, color);
        ui.painter()
            .rect_stroke(rect, 5.0, stroke, StrokeKind::Inside);
    }
    theme::focus_ring(ui, &response);
    let ink = if token.kind == TokenKind::Scaffold {
        theme::colors(ui).faint
    } else {
        ui.visuals().text_color()
    };
    let corner = pos2(rect.left() + 5.0, rect.top() + 2.0);
    ui.painter().galley(corner, galley, ink);
    response.on_hover_text(format!(
        "Token {} of the prompt, number {} of the vocabulary. Click to see where it looks.",
        position + 1,
        token.id
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(kind: TokenKind, patch: Option<usize>) -> TokenView {
        TokenView {
            id: 0,
            text: String::new(),
            kind,
            patch,
            picture: 0,
        }
    }

    #[test]
    fn runs_cover_all_tokens_in_order() {
        use TokenKind::{Scaffold, Text, Vision};
        let kinds = [Scaffold, Vision, Vision, Scaffold, Text, Vision];
        let mut tokens: Vec<TokenView> = kinds.map(|kind| token(kind, None)).into();
        assert_eq!(runs(&tokens), [0..1, 1..3, 3..5, 5..6]);
        assert!(runs(&[]).is_empty());
        // The pictures of one image follow each other without a token between.
        tokens[2].picture = 1;
        assert_eq!(runs(&tokens), [0..1, 1..2, 2..3, 3..5, 5..6]);
    }

    #[test]
    fn squares_stand_in_their_cells() {
        let tokens = [Some(2), None, Some(0), Some(1), Some(3)];
        let tokens = tokens.map(|patch| token(TokenKind::Vision, patch));
        let squares = squares_of(&tokens, Some([2, 2]));
        assert_eq!(squares.places, [2, 4, 0, 1, 3]);
        assert_eq!((squares.columns, squares.rows), (2, 3));
        let placeless = squares_of(&vec![tokens[1].clone(); 5], None);
        assert_eq!(placeless.places, [0, 1, 2, 3, 4]);
        assert_eq!((placeless.columns, placeless.rows), (3, 2));
    }
}
