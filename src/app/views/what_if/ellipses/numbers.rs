//! Location, spread, shape and their sum, as numbers and as a bar.

use eframe::egui::{
    self, Align2, Color32, Rect, RichText, Sense, Stroke, TextStyle, WidgetInfo, vec2,
};

use crate::{
    app::{
        glossary::{Term, term_as},
        theme,
    },
    report::format_significant,
};

const PARTS: [(Term, &str); 3] = [
    (Term::Location, "location"),
    (Term::Spread, "spread"),
    (Term::Shape, "shape"),
];

/// Below this width the numbers of a distance take two rows.
const NARROW: f32 = 260.0;

/// One distance.
pub(super) struct Line<'a> {
    /// Of what.
    name: &'a str,
    /// Location, spread and shape.
    pub(super) parts: [f64; 3],
}

impl<'a> Line<'a> {
    pub(super) fn new(name: &'a str, parts: [f64; 3]) -> Self {
        Self { name, parts }
    }
}

/// The parts' colors.
fn colors(ui: &egui::Ui) -> [Color32; 3] {
    theme::palette(ui)
        .parts
        .map(|color| Color32::from_rgb(color.red, color.green, color.blue))
}

/// A heading, then of each line its name, its numbers and a bar of their shares. `salt` tells tables of one
/// view apart.
pub(super) fn table(ui: &mut egui::Ui, salt: &str, lines: &[Line<'_>]) {
    ui.push_id(salt, |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        // Parts and sum beside each other, or two and two.
        let columns = if ui.available_width() < NARROW { 2 } else { 4 };
        let width = ui.available_width() / columns as f32;
        let named: Vec<_> = PARTS.into_iter().zip(colors(ui)).map(Some).collect();
        for titles in [named, vec![None]].concat().chunks(columns) {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = 0.0;
                for title in titles {
                    ui.scope(|ui| {
                        ui.set_width(width);
                        let Some(((term, name), color)) = *title else {
                            ui.strong("sum")
                                .on_hover_text("The bars show which share of it each part has.");
                            return;
                        };
                        let (swatch, _) = ui.allocate_exact_size(vec2(14.0, 14.0), Sense::hover());
                        ui.painter().rect_filled(swatch.shrink(1.0), 2.0, color);
                        ui.add_space(5.0);
                        term_as(ui, term, name);
                    });
                }
            });
        }
        for line in lines {
            row(ui, line, columns, width);
        }
    });
}

fn row(ui: &mut egui::Ui, line: &Line<'_>, columns: usize, width: f32) {
    let sum: f64 = line.parts.iter().sum();
    ui.add_space(2.0);
    ui.label(RichText::new(line.name).color(theme::colors(ui).faint));
    let step = ui.text_style_height(&TextStyle::Body);
    let size = vec2(columns as f32 * width, step * (4 / columns) as f32 + 12.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let written = line.parts.map(number);
    let label = format!(
        "{}: location {}, spread {}, shape {}, sum {}",
        line.name,
        written[0],
        written[1],
        written[2],
        number(sum)
    );
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &label));
    let ink = ui.visuals().text_color();
    let font = TextStyle::Monospace.resolve(ui.style());
    for (index, words) in written.into_iter().chain([number(sum)]).enumerate() {
        let [row, column] = [index / columns, index % columns].map(|place| place as f32);
        let at = rect.min + vec2(width * column, step * row);
        ui.painter()
            .text(at, Align2::LEFT_TOP, words, font.clone(), ink);
    }
    let bar = Rect::from_min_max(egui::pos2(rect.left(), rect.bottom() - 9.0), rect.max);
    let mut left = bar.left();
    for (part, color) in line.parts.iter().zip(colors(ui)) {
        let share = if sum > 0.0 { part / sum } else { 0.0 };
        let right = left + bar.width() * share as f32;
        let piece = Rect::from_x_y_ranges(left..=right, bar.y_range());
        ui.painter().rect_filled(piece, 0.0, color);
        left = right;
    }
    let edge = Stroke::new(1.0, theme::colors(ui).faint);
    ui.painter()
        .rect_stroke(bar, 2.0, edge, egui::StrokeKind::Inside);
}

/// Four digits; what rounding leaves of nothing is 0.
fn number(value: f64) -> String {
    match value {
        value if value.abs() < 1e-9 => "0".to_owned(),
        value => format_significant(value),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn what_rounding_leaves_is_nothing() {
        assert_eq!(number(1e-17), "0");
        assert_eq!(number(0.5), "0.5000");
    }
}
