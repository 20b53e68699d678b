//! The question: some to click, a line to type one, Ask and Stop, and how the answer is chosen.

use eframe::egui::{self, DragValue, Key, RichText, TextEdit};

use crate::app::{
    store::{Store, ask::Offered},
    theme,
};

/// Draws it.
pub fn show(ui: &mut egui::Ui, store: &mut Store) {
    suggestions(ui, store);
    line(ui, store);
    settings(ui, store);
}

/// Questions whose right answer is known.
fn suggestions(ui: &mut egui::Ui, store: &mut Store) {
    let known = store.known_questions();
    store.ask.offered.clear();
    if known.is_empty() {
        return;
    }
    let free = !store.is_asking() && store.why_ask_waits().is_none();
    let mut clicked = None;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = egui::vec2(6.0, 6.0);
        for known in known {
            let asked = (store.ask.turns.iter()).any(|turn| turn.question == known.question);
            let mut text = RichText::new(&known.question);
            if asked {
                text = text.color(theme::colors(ui).faint);
            }
            let button = egui::Button::new(text).corner_radius(14);
            let button = ui.add_enabled(free, button);
            if button.clicked() {
                clicked = Some(known.question.clone());
            }
            store.ask.offered.push(Offered {
                question: known.question,
                center: button.rect.center().round().into(),
                focused: button.has_focus(),
            });
        }
    });
    if let Some(question) = clicked {
        store.ask_model(&question);
    }
}

/// The line to type into.
fn line(ui: &mut egui::Ui, store: &mut Store) {
    let asking = store.is_asking();
    ui.horizontal(|ui| {
        let width = (ui.available_width() - 78.0).max(60.0);
        let field = TextEdit::singleline(&mut store.ask.typed)
            .hint_text("Type a question")
            .desired_width(width)
            .margin(egui::Margin::symmetric(8, 5));
        let field = ui.add(field);
        let entered = field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let field = field.accessible_name("Question");
        if asking {
            let stop = ui.button("Stop");
            if stop.on_hover_text("Stop answering (Esc)").clicked() {
                store.stop_answer();
            }
            return;
        }
        let ready = !store.ask.typed.trim().is_empty() && store.why_ask_waits().is_none();
        let button = theme::primary(ui, "Ask");
        let pressed = ui.add_enabled(ready, button).clicked();
        if (entered || pressed) && ready {
            let question = std::mem::take(&mut store.ask.typed);
            store.ask_model(&question);
            // The next question is typed at once.
            field.request_focus();
        }
    });
    if let Some(reason) = store.why_ask_waits() {
        let faint = theme::colors(ui).faint;
        ui.colored_label(faint, reason);
    }
}

fn settings(ui: &mut egui::Ui, store: &mut Store) {
    let free = !store.is_asking();
    ui.add_enabled_ui(free, |ui| {
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("At most");
            let field = DragValue::new(&mut store.ask.max_tokens).range(1..=4096);
            ui.add(field.suffix(" tokens")).labelled_by(label.id);
            ui.add_space(8.0);
            let label = ui.label("Temperature");
            let field = DragValue::new(&mut store.ask.temperature)
                .range(0.0..=2.0)
                .speed(0.05)
                .fixed_decimals(2);
            let field = ui.add(field).labelled_by(label.id).on_hover_text(
                "0 takes the likeliest token each time, so that the answer is the same again. Above, tokens are \
                 drawn: the higher, the more surprising.",
            );
            if field.changed() {
                // Of too small a temperature the numbers overflow.
                store.ask.temperature = (store.ask.temperature * 20.0).round() / 20.0;
            }
            ui.add_space(8.0);
            ui.checkbox(&mut store.ask.watch, "Show where it looks").on_hover_text(
                "While the answer comes, show for each token where the model looks and what is seen there. It \
                 takes memory and time where models are large; afterwards you can look at tokens in any case.",
            );
        });
    });
}
