//! The numbers of two models that are called A and B, on one ruler.

use super::{
    Area, Color, Figure, Look, Mark, Scale, Spot, Stroke, Target,
    axis::Axis,
    ruler::{directions, heading},
    sheet::Sheet,
};
use crate::study::{FARTHER, NEARER};

/// What [`duel`] shows of a model.
#[derive(Clone, Copy, Debug)]
pub struct Duelist<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Modality Integration Rate.
    pub mir: f64,
    /// Its color.
    pub color: Color,
    /// Where 19 of 20 further seeds are expected, once that is told.
    pub band: Option<[f64; 2]>,
}

/// Two models on a ruler from near to far. The figure is as high as it needs, whatever the look says.
///
/// Each is a spot of its number, by [`Target::Run`].
pub fn duel(models: [Duelist<'_>; 2], look: &Look) -> Figure {
    let font = look.font();
    let look = &Look {
        size: [look.size[0], 8.2 * font],
        ..*look
    };
    let mut sheet = Sheet::new(look, "Modality Integration Rate of two models");
    let bands = models.iter().filter_map(|model| model.band).flatten();
    let values = models.iter().map(|model| model.mir).chain(bands);
    let Some(axis) = Axis::covering(Scale::Linear, values, false, [0.0, 1.0]) else {
        sheet.instead("neither has a defined Modality Integration Rate");
        return sheet.figure;
    };
    let [width, _] = look.size;
    let edge = 3.5 * font;
    let axis = axis.between([edge, (width - edge).max(edge + font)]);
    let track = 4.1 * font;
    sheet.line(
        vec![[0.0, track], [width, track]],
        Stroke::new(2.0, look.palette.line),
    );
    // Words of the lower one stay left of those of the higher one.
    let low = usize::from(models[1].mir < models[0].mir);
    for (index, model) in models.iter().enumerate() {
        if let Some([from, to]) = model.band {
            let area = Area::between(
                [axis.at(from), axis.at(to)],
                [track - 0.75 * font, track + 0.75 * font],
            );
            sheet.mark(Mark::Rect {
                area,
                radius: 0.75 * font,
                fill: Some(model.color.faded(0.22)),
                stroke: None,
            });
        }
        let at = axis.at(model.mir);
        sheet.mark(Mark::Circle {
            center: [at, track],
            radius: 0.5 * font,
            fill: Some(model.color),
            stroke: Some(Stroke::new(1.6, model.color)),
        });
        let name = (model.name, true);
        heading(
            &mut sheet,
            index == low,
            name,
            model.mir,
            &axis,
            model.color,
        );
        sheet.figure.spots.push(Spot {
            area: Area::between([at - font, at + font], [0.0, track + font]),
            target: Target::Run(index),
            tip: tip(model),
        });
    }
    directions(&mut sheet, axis);
    let said = models.map(|model| format!("{} {:.3}", model.name, model.mir));
    sheet.figure.summary = format!("From {NEARER} to {FARTHER}: {}.", said.join(", "));
    sheet.figure
}

fn tip(model: &Duelist<'_>) -> String {
    let number = format!("{} {:.3}", model.name, model.mir);
    match model.band {
        Some([from, to]) => {
            format!("{number}\n19 of 20 further seeds are expected from {from:.3} to {to:.3}")
        }
        None => number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Palette;

    #[test]
    fn the_lower_one_stands_left_whichever_it_is() {
        let look = Look::new(Palette::LIGHT, [360.0, 0.0]);
        let [blue, green, ..] = look.palette.runs;
        for (a, b) in [(0.7, 0.8), (0.8, 0.7), (0.75, 0.75)] {
            let model = |name, mir, color| Duelist {
                name,
                mir,
                color,
                band: Some([mir - 0.01, mir + 0.01]),
            };
            let figure = duel([model("A", a, blue), model("B", b, green)], &look);
            let place = |words: &str| {
                let mut texts = figure.marks.iter().filter_map(|mark| match mark {
                    Mark::Text(text) if text.words == words => Some(text.at[0]),
                    _ => None,
                });
                texts.next().unwrap()
            };
            assert_eq!(place("A") < place("B"), a <= b, "{a} {b}");
            assert!((place("A") - place("B")).abs() > look.font());
            let expected = format!("From nearer to the words to farther: A {a:.3}, B {b:.3}.");
            assert_eq!(figure.summary, expected);
        }
    }
}
