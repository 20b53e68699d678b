//! Terms explained where they are used: a dotted underline, and the explanation for whoever points at
//! it, taps it or reaches it with the keyboard.

mod terms;

pub use terms::{Group, Term};

use std::{ops::Range, sync::Arc};

use eframe::egui::{
    self, Galley, Popup, PopupKind, Rect, Response, RichText, Role, Sense, TextStyle, WidgetInfo,
    text::{CCursor, LayoutJob, TextFormat},
};

use super::{letters, theme};

/// Shows a term by its name or in another form, for example in the plural or as a heading.
pub fn term_as(ui: &mut egui::Ui, term: Term, text: impl Into<RichText>) -> Response {
    told(ui, text, term.name(), term.words())
}

/// Shows a name that explains itself as a term does, with what its own data say of it.
pub fn told(ui: &mut egui::Ui, text: impl Into<RichText>, name: &str, words: &str) -> Response {
    let text: RichText = text.into();
    let label = text.text().replace('\n', " ");
    let galley = egui::WidgetText::from(text).into_galley(
        ui,
        Some(egui::TextWrapMode::Extend),
        f32::INFINITY,
        TextStyle::Body,
    );
    // One line of the text around it, so that baselines agree in a row of labels.
    let (rect, response) = ui.allocate_exact_size(galley.size(), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(Role::Term, ui.is_enabled(), &label));
    if ui.is_rect_visible(rect) {
        let colors = theme::colors(ui);
        let attended = response.hovered() || response.has_focus();
        let ink = if attended {
            colors.accent
        } else {
            ui.visuals().text_color()
        };
        dots(
            ui,
            rect,
            if attended {
                colors.accent
            } else {
                colors.faint
            },
        );
        ui.painter().galley(rect.min, galley, ink);
    }
    explain_as(
        response.on_hover_cursor(egui::CursorIcon::Help),
        name,
        words,
    )
}

/// Shows `text`, with its explanation where it is a term by its name or another form of it.
pub fn named(ui: &mut egui::Ui, text: RichText) -> Response {
    match Term::find(text.text()) {
        Some(term) => term_as(ui, term, text),
        None => ui.label(text),
    }
}

/// Gives any other widget a term's explanation: on hover, on focus, and after a tap.
pub fn explain(response: Response, term: Term) -> Response {
    explain_as(response, term.name(), term.words())
}

fn explain_as(response: Response, name: &str, words: &str) -> Response {
    if response.clicked() {
        response.request_focus();
    }
    response.ctx.accesskit_node_builder(response.id, |node| {
        node.set_description(words);
    });
    let content = |ui: &mut egui::Ui| {
        ui.set_max_width(letters::grown(ui, 320.0));
        ui.strong(name);
        ui.label(words);
    };
    if response.has_focus() {
        Popup::from_response(&response)
            .kind(PopupKind::Tooltip)
            .show(content);
        response
    } else {
        response.on_hover_ui(content)
    }
}

/// A row of dots under `rect`.
fn dots(ui: &egui::Ui, rect: Rect, color: egui::Color32) {
    let y = rect.bottom() - 1.0;
    let shapes = egui::Shape::dotted_line(
        &[
            egui::pos2(rect.left() + 1.0, y),
            egui::pos2(rect.right(), y),
        ],
        color,
        3.0,
        0.8,
    );
    ui.painter().extend(shapes);
}

/// Running text in which `{braces}` mark terms, by their name or another form of it.
///
/// What is in braces and no term is shown as it is.
pub fn prose(ui: &mut egui::Ui, text: &str) {
    let font = TextStyle::Body.resolve(ui.style());
    let line = (font.size * 1.4).round();
    let format = TextFormat {
        line_height: Some(line),
        ..TextFormat::simple(font, ui.visuals().text_color())
    };
    let mut job = LayoutJob::default();
    job.wrap.max_width = ui.available_width();
    let mut marks = Vec::new();
    let mut letters = 0;
    for (piece, marked) in pieces(text) {
        let end = letters + piece.chars().count();
        if let Some(term) = Term::find(piece).filter(|_| marked) {
            marks.push((letters..end, term));
        }
        job.append(piece, 0.0, format.clone());
        letters = end;
    }
    let galley = ui.painter().layout_job(job);
    let response = ui.add(egui::Label::new(Arc::clone(&galley)));
    for (range, term) in marks {
        let name: String = galley
            .text()
            .chars()
            .skip(range.start)
            .take(range.len())
            .collect();
        for (row, rect) in rows(&galley, range.clone()).into_iter().enumerate() {
            let rect = rect.translate(response.rect.min.to_vec2());
            let id = response.id.with((range.start, row));
            let found = ui.interact(rect, id, Sense::click());
            found.widget_info(|| WidgetInfo::labeled(Role::Term, ui.is_enabled(), &name));
            let colors = theme::colors(ui);
            let attended = found.hovered() || found.has_focus();
            dots(
                ui,
                rect,
                if attended {
                    colors.accent
                } else {
                    colors.faint
                },
            );
            explain(found.on_hover_cursor(egui::CursorIcon::Help), term);
        }
    }
}

/// Terms of statistics, which the sentences about a study use.
pub const STATISTICS: &[Term] = &[
    Term::RankCorrelation,
    Term::Kendall,
    Term::Bootstrap,
    Term::AllOrders,
    Term::StudentsT,
];

/// A text for [`prose`], in which the first place of each of these terms is marked.
pub fn marked(text: &str, terms: &[Term]) -> String {
    let mut marked = text.to_owned();
    for term in terms {
        if let Some(found) = term.first_in(&marked) {
            marked.insert(found.end, '}');
            marked.insert(found.start, '{');
        }
    }
    marked
}

/// Where the letters of a range stand, a rectangle for each row that they are in.
fn rows(galley: &Galley, range: Range<usize>) -> Vec<Rect> {
    let mut rows: Vec<Rect> = Vec::new();
    for letter in range {
        let before = galley.pos_from_cursor(CCursor {
            index: letter.into(),
            prefer_next_row: true,
        });
        let after = galley.pos_from_cursor(CCursor {
            index: (letter + 1).into(),
            prefer_next_row: false,
        });
        let place = before.union(after);
        match rows.last_mut() {
            Some(row) if (row.top() - before.top()).abs() < 1.0 => *row = row.union(place),
            _ => rows.push(place),
        }
    }
    rows
}

/// The pieces of a text with braces, and whether each stood in braces.
fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split('{').enumerate().flat_map(|(index, part)| {
        let (marked, plain) = match part.split_once('}') {
            Some((marked, plain)) if index > 0 => (marked, plain),
            _ => ("", part),
        };
        [(marked, true), (plain, false)]
            .into_iter()
            .filter(|(piece, _)| !piece.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_mark_pieces() {
        let found: Vec<_> = pieces("A {norm} is {long}{MIR}.").collect();
        assert_eq!(
            found,
            [
                ("A ", false),
                ("norm", true),
                (" is ", false),
                ("long", true),
                ("MIR", true),
                (".", false),
            ]
        );
        assert_eq!(pieces("a } b").collect::<Vec<_>>(), [("a } b", false)]);
        assert_eq!(pieces("").count(), 0);
    }

    #[test]
    fn terms_of_statistics_are_marked_once_by_their_longest_name() {
        let found = marked(
            "Spearman's rho = 0.5 (95 % 0.1 to 0.8 by bootstrap), rho = 1 (p = 0.01 over all orders)",
            STATISTICS,
        );
        assert_eq!(
            found,
            "{Spearman's rho} = 0.5 (95 % 0.1 to 0.8 by {bootstrap}), rho = 1 (p = 0.01 {over all orders})"
        );
        // Not within words, and not what is marked.
        for text in ["trhombus", "a map", "{rho}"] {
            assert_eq!(marked(text, STATISTICS), text);
        }
    }
}
