//! The way itself, from the bottom upward: tower, connector, prompt, layers.

use eframe::egui::{
    self, Align2, Rect, Sense, Stroke, StrokeKind, TextStyle, WidgetInfo, pos2, vec2,
};

use super::{
    super::{desk::Desk, text},
    Scene,
    steps::Step,
    strip,
};
use crate::{app::theme, report::TokenKind};

/// Words of the prompt before and behind the image tokens.
const WORDS: [usize; 2] = [2, 3];
/// Image tokens on each side of the followed one.
const BESIDE: usize = 2;

/// Draws the rungs, each of a height, and says in `places` where the token is at each step.
pub(super) fn show(
    ui: &mut egui::Ui,
    desk: &mut Desk<'_>,
    scene: &Scene<'_>,
    height: f32,
    places: &mut [Option<Rect>],
) {
    ui.set_min_width(ui.available_width());
    ui.strong("Its numbers, layer by layer");
    let rungs = scene.steps.len().saturating_sub(1).max(1);
    let size = vec2(ui.available_width(), height * rungs as f32);
    let (room, response) = ui.allocate_exact_size(size, Sense::click());
    response.widget_info(|| {
        let label = format!(
            "The way of the patch: {} of {} steps, now {}",
            scene.step + 1,
            scene.steps.len(),
            scene.now().title()
        );
        WidgetInfo::labeled(egui::Role::Image, true, label)
    });
    theme::focus_ring(ui, &response);
    let colors = theme::colors(ui);
    let ink = ui.visuals().text_color();
    let font = TextStyle::Body.resolve(ui.style());
    let name = |step: Step| match step {
        Step::Picture => String::new(),
        Step::Tower => "vision tower".to_owned(),
        Step::Connector => "connector".to_owned(),
        Step::Prompt => "prompt".to_owned(),
        Step::Layer(layer) => format!("layer {layer}"),
    };
    let longest = ui
        .painter()
        .layout_no_wrap("vision tower".to_owned(), font.clone(), ink);
    let left = room.left() + longest.size().x + 10.0;
    for (index, step) in scene.steps.iter().enumerate().skip(1) {
        let bottom = room.bottom() - height * (index - 1) as f32;
        let rung = Rect::from_min_max(
            pos2(left, bottom - height + 3.0),
            pos2(room.right() - 3.0, bottom - 3.0),
        );
        let (passed, now) = (index <= scene.step, index == scene.step);
        ui.painter().text(
            pos2(room.left(), rung.center().y),
            Align2::LEFT_CENTER,
            name(*step),
            font.clone(),
            if now { ink } else { colors.faint },
        );
        if response.clicked()
            && let Some(point) = response.interact_pointer_pos()
            && (bottom - height..bottom).contains(&point.y)
        {
            desk.view.follow = Some(index);
        }
        places[index] = Some(match step {
            Step::Prompt => prompt(ui, desk, scene.position, rung),
            _ => {
                let stroke = Stroke::new(1.0, if passed { colors.faint } else { colors.line });
                (ui.painter()).rect_stroke(rung, 3.0, stroke, StrokeKind::Inside);
                if passed
                    && !now
                    && let Some(numbers) = step.strip(scene.path)
                {
                    strip::paint(ui.painter(), rung.shrink(2.0), numbers, colors.faint);
                }
                rung
            }
        });
    }
}

/// The prompt around the image tokens; where the followed one stands.
fn prompt(ui: &egui::Ui, desk: &Desk<'_>, position: usize, rung: Rect) -> Rect {
    let tokens = &desk.pair.tokens;
    let vision = |at: usize| {
        tokens
            .get(at)
            .is_some_and(|token| token.kind == TokenKind::Vision)
    };
    let first = (0..=position)
        .rev()
        .take_while(|&at| vision(at))
        .last()
        .unwrap_or(position);
    let end = (position..tokens.len())
        .take_while(|&at| vision(at))
        .last()
        .unwrap_or(position)
        + 1;
    let before = tokens[first.saturating_sub(WORDS[0])..first].iter();
    let behind = tokens[end..].iter().take(WORDS[1]);
    let words = |tokens: Vec<&crate::report::TokenView>| {
        let words = tokens
            .iter()
            .map(|token| text::readable(&token.text).into_owned());
        words.collect::<Vec<_>>().join(" ")
    };
    let (before, behind) = (words(before.collect()), words(behind.collect()));
    let colors = theme::colors(ui);
    let font = TextStyle::Body.resolve(ui.style());
    let painter = ui
        .painter()
        .with_clip_rect(rung.expand(2.0).intersect(ui.clip_rect()));
    let middle = rung.center().y;
    let written = painter.text(
        pos2(rung.left() + 2.0, middle),
        Align2::LEFT_CENTER,
        before,
        font.clone(),
        colors.faint,
    );
    let side = (rung.height() - 4.0).min(20.0);
    let mut left = written.right() + 6.0;
    let dots = |at: f32| {
        let found = painter.text(
            pos2(at, middle),
            Align2::LEFT_CENTER,
            "…",
            font.clone(),
            colors.faint,
        );
        found.right() + 4.0
    };
    let from = position.saturating_sub(BESIDE).max(first);
    let to = (position + BESIDE + 1).min(end);
    if from > first {
        left = dots(left);
    }
    let mut own = Rect::NOTHING;
    for at in from..to {
        let wide = if at == position { 3.0 * side } else { side };
        let square = Rect::from_min_size(pos2(left, middle - side / 2.0), vec2(wide, side));
        if at == position {
            own = square;
            painter.rect_stroke(
                square,
                2.0,
                Stroke::new(1.5, colors.vision),
                StrokeKind::Inside,
            );
        } else {
            painter.rect_filled(square, 2.0, colors.vision.gamma_multiply(0.72));
        }
        left = square.right() + 4.0;
    }
    if to < end {
        left = dots(left);
    }
    painter.text(
        pos2(left + 2.0, middle),
        Align2::LEFT_CENTER,
        behind,
        font,
        ui.visuals().text_color(),
    );
    own
}
