//! Formulas: a line of text with sub- and superscripts.

use eframe::egui::{
    self, Align, FontId, Label, Stroke, TextStyle,
    text::{LayoutJob, TextFormat},
};

use crate::app::theme;

/// Where a piece of a formula stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Base,
    Below,
    Above,
}

/// Shows a formula, its lines apart from the text around it.
///
/// `_` puts the next letter below the line and `^` above it; braces take several: `S_v`, `A^{1/2}`.
pub fn formula(ui: &mut egui::Ui, text: &str) {
    let size = TextStyle::Body.resolve(ui.style()).size;
    let color = ui.visuals().text_color();
    let mut job = LayoutJob::default();
    // A product stays on one line.
    let text = text.replace("S_v S_t", "S_v\u{a0}S_t");
    for (piece, level) in pieces(&text) {
        let (scale, valign) = match level {
            Level::Base => (1.2, Align::Center),
            Level::Below => (0.9, Align::BOTTOM),
            Level::Above => (0.9, Align::TOP),
        };
        let format = TextFormat {
            font_id: FontId::proportional(size * scale),
            color,
            valign,
            ..TextFormat::default()
        };
        job.append(&piece, 0.0, format);
    }
    let colors = theme::colors(ui);
    egui::Frame::new()
        .fill(colors.accent.gamma_multiply(0.07))
        .stroke(Stroke::NONE)
        .corner_radius(6)
        .inner_margin(egui::Margin::symmetric(12, 8))
        .show(ui, |ui| {
            ui.add(Label::new(job).wrap());
        });
}

fn pieces(text: &str) -> Vec<(String, Level)> {
    let mut pieces: Vec<(String, Level)> = Vec::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let level = match letter {
            '_' => Level::Below,
            '^' => Level::Above,
            _ => Level::Base,
        };
        let piece: String = if level == Level::Base {
            letter.into()
        } else {
            match letters.next() {
                Some('{') => letters
                    .by_ref()
                    .take_while(|letter| *letter != '}')
                    .collect(),
                Some(letter) => letter.into(),
                None => break,
            }
        };
        match pieces.last_mut() {
            Some((last, same)) if *same == level => last.push_str(&piece),
            _ => pieces.push((piece, level)),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_follow_the_marks() {
        let found = pieces("Tr (S_v S_t)^{1/2}");
        let found: Vec<(&str, Level)> = found
            .iter()
            .map(|(text, level)| (&**text, *level))
            .collect();
        use Level::{Above, Base, Below};
        assert_eq!(
            found,
            [
                ("Tr (S", Base),
                ("v", Below),
                (" S", Base),
                ("t", Below),
                (")", Base),
                ("1/2", Above),
            ]
        );
        assert_eq!(pieces("a^"), [("a".to_owned(), Base)]);
    }
}
