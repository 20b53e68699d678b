//! What was asked and answered.

use eframe::egui::{
    self, Align, CornerRadius, FontId, Layout, Margin, RichText, Sense, Stroke, StrokeKind,
    WidgetInfo, vec2,
};

use super::super::eyes::text::percent;

use crate::{
    app::{
        letters,
        progress::counted as progress,
        store::{
            Store,
            ask::{Turn, TurnState},
        },
        theme,
    },
    report::{Answer, AnswerEnd, Said},
    words::counted,
};

/// Size of the answers' letters.
const SIZE: f32 = 17.0;

/// Draws all turns, the first one first.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    let mut selected = None;
    let shown = store.talk_token();
    for (index, turn) in store.ask.turns.iter().enumerate() {
        asked(ui, &turn.question);
        let token = shown.filter(|shown| shown.turn == index);
        let token = token.map(|shown| shown.token);
        let clicked = match store.talk_begin(index) {
            Some(_) => said(ui, turn, token),
            None => plain(ui, turn),
        };
        selected = clicked.map(|token| (index, token)).or(selected);
        answered(ui, store, turn);
        ui.add_space(6.0);
    }
    if selected.is_some() {
        store.ask.looks.token = selected;
        store.ask.looks.patch = None;
    }
    if let Some(reason) = &store.ask.refused {
        let alarm = theme::colors(ui).alarm;
        ui.colored_label(alarm, "The question could not be answered.");
        ui.label(reason.as_str());
    }
}

/// The question, at the right.
fn asked(ui: &mut egui::Ui, question: &str) {
    let colors = theme::colors(ui);
    ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
        egui::Frame::new()
            .fill(colors.accent.gamma_multiply(0.14))
            .corner_radius(CornerRadius::same(9))
            .inner_margin(Margin::symmetric(10, 5))
            .show(ui, |ui| {
                ui.set_max_width(ui.available_width() * 0.85);
                ui.add(egui::Label::new(question).wrap());
            });
    });
}

/// The answer so far as a text, whose tokens cannot be looked at: none is clicked.
fn plain(ui: &mut egui::Ui, turn: &Turn) -> Option<usize> {
    let text = turn.text();
    if !text.is_empty() {
        ui.add(egui::Label::new(RichText::new(text).size(letters::grown(ui, SIZE))).wrap());
    }
    None
}

/// The tokens of the answer so far; which one is clicked.
fn said(ui: &mut egui::Ui, turn: &Turn, selected: Option<usize>) -> Option<usize> {
    let mut clicked = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = vec2(0.0, 2.0);
        for (index, said) in turn.said.iter().enumerate() {
            if !said.text.is_empty() && token(ui, index, said, Some(index) == selected) {
                clicked = Some(index);
            }
        }
    });
    clicked
}

/// A token of the answer; whether it is clicked.
fn token(ui: &mut egui::Ui, index: usize, said: &Said, selected: bool) -> bool {
    let colors = theme::colors(ui);
    let words = match index {
        0 => said.text.trim_start(),
        _ => &said.text,
    };
    let font = FontId::proportional(letters::grown(ui, SIZE));
    let ink = ui.visuals().text_color();
    let galley = ui
        .painter()
        .layout_no_wrap(words.replace('\n', " "), font, ink);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(4.0, 6.0), Sense::click());
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, selected, words.trim()));
    let painter = ui.painter();
    let strength = if selected { 0.42 } else { 0.14 };
    let tint = colors.text.gamma_multiply(strength);
    painter.rect_filled(rect.shrink2(vec2(0.5, 0.0)), 4.0, tint);
    if response.hovered() || response.has_focus() {
        let stroke = Stroke::new(1.5, colors.text);
        painter.rect_stroke(rect, 4.0, stroke, StrokeKind::Inside);
    }
    painter.galley(rect.min + vec2(2.0, 3.0), galley, ink);
    let share = percent(said.log_probability.exp());
    let hint = format!("Probability {share}. Click to see where the model looked to write it.");
    response.on_hover_text(hint).clicked()
}

/// What there is to say about an answer.
fn answered(ui: &mut egui::Ui, store: &Store, turn: &Turn) {
    match &turn.state {
        TurnState::Coming => coming(ui, store),
        TurnState::Stopped => {
            faint(ui, "Stopped.");
        }
        TurnState::Done(answer) => {
            if answer.text.trim().is_empty() {
                faint(ui, "The model ended its answer without a word.");
            }
            match answer.end {
                AnswerEnd::Stop => {}
                AnswerEnd::MaxTokens => faint(ui, "Cut off: as many tokens as you allowed."),
                AnswerEnd::Context => faint(ui, "Cut off: the model's context is full."),
            }
            verdict(ui, turn);
            faint(ui, &took(answer));
        }
    }
}

/// What the engine does meanwhile.
fn coming(ui: &mut egui::Ui, store: &Store) {
    ui.horizontal_wrapped(|ui| {
        // Where motion is reduced the words say it.
        if ui.style().animation_time > 0.0 {
            ui.spinner();
        }
        let line = match store.work.current() {
            None => "Waiting for the engine".to_owned(),
            Some(stage) => match progress(stage) {
                detail if detail.is_empty() => stage.progress.stage.words().to_owned(),
                detail => format!("{}: {detail}", stage.progress.stage.words()),
            },
        };
        faint(ui, &line);
    });
}

/// The right answer, and whether this is it.
fn verdict(ui: &mut egui::Ui, turn: &Turn) {
    let Some(right) = &turn.right else { return };
    let colors = theme::colors(ui);
    ui.horizontal_wrapped(|ui| {
        match turn.is_right() {
            Some(true) => ui.colored_label(colors.accent, RichText::new("Right").strong()),
            Some(false) => ui.colored_label(colors.alarm, RichText::new("Wrong").strong()),
            None => ui.strong("Compare"),
        };
        ui.label(format!("Right answer: {right}"));
    });
}

/// How long it took, and what was reused.
fn took(answer: &Answer) -> String {
    let mut line = format!(
        "{} in {:.1} s",
        counted(answer.tokens.len(), "token"),
        answer.seconds_to_first_token
            + answer.tokens_per_second.map_or(0.0, |rate| {
                answer.tokens.len().saturating_sub(1) as f64 / rate
            })
    );
    if answer.cached_tokens > 0 {
        line += &format!(
            "; {} of {} prompt tokens were in the cache",
            answer.cached_tokens, answer.prompt_tokens
        );
    } else {
        line += &format!("; {} read", counted(answer.prompt_tokens, "prompt token"));
    }
    line
}

fn faint(ui: &mut egui::Ui, text: &str) {
    ui.label(RichText::new(text).color(theme::colors(ui).faint));
}
