//! The pair's prompt as the language model reads it: vision tokens as squares, text as chips.

use std::ops::Range;

use eframe::egui::{
    self, Color32, Rect, Sense, Stroke, StrokeKind, TextStyle, WidgetInfo, pos2, vec2,
};

use super::{Desk, image::place, text};
use crate::{
    app::{
        glossary::{Term, term_as},
        theme,
    },
    report::{TokenKind, TokenView},
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
            if hidden > 0 && ui.button(format!("{hidden} more tokens")).clicked() {
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
            let color = color(ui, kind);
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

/// The color of a kind of token, the same in every view.
pub fn color(ui: &egui::Ui, kind: TokenKind) -> Color32 {
    let colors = theme::colors(ui);
    match kind {
        TokenKind::Vision => colors.vision,
        TokenKind::Text => colors.text,
        TokenKind::Scaffold => colors.faint,
    }
}

/// Stretches of vision tokens and of others, in order.
fn runs(tokens: &[TokenView]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (position, token) in tokens.iter().enumerate() {
        let vision = token.kind == TokenKind::Vision;
        match runs.last_mut() {
            Some(last) if (tokens[last.start].kind == TokenKind::Vision) == vision => {
                last.end = position + 1;
            }
            _ => runs.push(position..position + 1),
        }
    }
    runs
}

/// A stretch of vision tokens, as many in a row as the image has patches in one.
fn squares(ui: &mut egui::Ui, desk: &mut Desk<'_>, run: Range<usize>) {
    let room = (ui.available_width() - 8.0).max(40.0);
    let columns = desk.pair.grid[1].clamp(1, run.len());
    let rows = run.len().div_ceil(columns);
    let step = (112.0 / rows as f32)
        .min(room / columns as f32)
        .clamp(3.0, 14.0);
    let gap = if step > 6.0 { 2.0 } else { 0.5 };
    let size = vec2(step * columns as f32, step * rows as f32);
    ui.horizontal(|ui| {
        let (frame, response) = ui.allocate_exact_size(size, Sense::click());
        let count = run.len();
        response.widget_info(|| {
            let label = format!("{count} vision tokens");
            WidgetInfo::labeled(egui::Role::Image, true, label)
        });
        let cell = |position: usize| {
            let index = position - run.start;
            let corner = vec2((index % columns) as f32, (index / columns) as f32) * step;
            Rect::from_min_size(frame.min + corner, vec2(step - gap, step - gap))
        };
        let at = |point: egui::Pos2| {
            let inside = (point - frame.min) / step;
            let index = inside.y as usize * columns + (inside.x as usize).min(columns - 1);
            run.clone().nth(index)
        };
        if let Some(position) = response.hover_pos().and_then(at) {
            desk.hover = Some(position);
        }
        if response.clicked()
            && let Some(position) = response.interact_pointer_pos().and_then(at)
        {
            desk.view.patch = Some(position);
        }
        let vision = color(ui, TokenKind::Vision);
        let ink = ui.visuals().text_color();
        for position in run.clone() {
            let marked = desk.hovered == Some(position) || desk.view.patch == Some(position);
            let fill = if marked {
                vision
            } else {
                vision.gamma_multiply(0.42)
            };
            ui.painter().rect_filled(cell(position), 1.0, fill);
            if marked {
                let stroke = Stroke::new(1.5, ink);
                ui.painter()
                    .rect_stroke(cell(position), 1.0, stroke, StrokeKind::Outside);
            }
        }
        let pointed = desk.hovered.filter(|position| run.contains(position));
        let words = match pointed.and_then(|position| desk.patch_of(position)) {
            Some(patch) => place(patch, desk.pair.grid[1]),
            None => format!("the image, {count} tokens"),
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
    let color = color(ui, token.kind);
    let strength = if selected { 0.5 } else { 0.16 };
    ui.painter()
        .rect_filled(rect, 5.0, color.gamma_multiply(strength));
    if selected || desk.hovered == Some(position) || response.has_focus() {
        let stroke = Stroke::new(if selected { 2.0 } else { 1.0 }, color);
        ui.painter()
            .rect_stroke(rect, 5.0, stroke, StrokeKind::Inside);
    }
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

    #[test]
    fn runs_cover_all_tokens_in_order() {
        let token = |kind| TokenView {
            id: 0,
            text: String::new(),
            kind,
            patch: None,
        };
        use TokenKind::{Scaffold, Text, Vision};
        let kinds = [Scaffold, Vision, Vision, Scaffold, Text, Vision];
        let tokens: Vec<TokenView> = kinds.into_iter().map(token).collect();
        assert_eq!(runs(&tokens), [0..1, 1..3, 3..5, 5..6]);
        assert!(runs(&[]).is_empty());
    }
}
