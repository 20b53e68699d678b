//! What the two sides of a contrast answer to the same questions.

use super::{
    Anchor, Area, Figure, Look, Mark, Stroke, Text,
    axis::Axis,
    ruler::side_color,
    sheet::{Key, Sheet},
    words,
};
use crate::study::{Contrast, SIDES, Score, kind_words};

/// Shares of right answers of both sides, over all questions and by kind, with their intervals; over
/// all questions the share that needs no looking, too.
///
/// The figure is as high as its rows need, whatever the look says.
pub fn answers(contrast: &Contrast, look: &Look) -> Figure {
    let font = look.font();
    let row = 2.3 * font;
    let rows = rows(contrast);
    let sized = |height: f32| Look {
        size: [look.size[0], height],
        ..*look
    };
    let keys = || {
        let sides = [0, 1].map(|side| (SIDES[side], Key::Block(side_color(look, side))));
        let chance = ("chance, without looking", Key::Line(chance_line(look)));
        sides.into_iter().chain([chance])
    };
    let mut measured = Sheet::new(look, "");
    let top = measured.legend([0.0, 0.0], keys()) + 0.4 * font;
    let look = &sized(top + row * rows.len() as f32 + 0.3 * font);
    let mut sheet = Sheet::new(look, "Right answers to the same questions");
    sheet.legend([0.0, 0.0], keys());
    let palette = look.palette;
    let names = rows.iter().map(|(name, _)| words::width(name, font));
    let left = names.fold(0.0, f32::max) + 0.8 * font;
    let right = look.size[0] - words::width("100 %", font) - 0.6 * font;
    let axis = Axis::linear([0.0, 1.0], [left, right.max(left + font)]);
    for (index, (name, scores)) in rows.iter().enumerate() {
        let y = top + row * (index as f32 + 0.5);
        sheet.mark(Mark::Text(Text {
            at: [left - 0.6 * font, y],
            anchor: Anchor::End,
            size: font,
            color: if index == 0 {
                palette.ink
            } else {
                palette.faint
            },
            strong: index == 0,
            upward: false,
            words: name.clone(),
        }));
        for (side, score) in scores.iter().enumerate() {
            let Some(score) = score else { continue };
            let middle = y + if side == 0 { -0.5 } else { 0.5 } * font;
            let chance = (index == 0).then(|| axis.at(contrast.chance));
            bar(&mut sheet, &axis, side, score, middle, chance);
        }
        if index == 0 {
            let x = axis.at(contrast.chance);
            let half = 0.5 * row;
            sheet.line(vec![[x, y - half], [x, y + half]], chance_line(look));
        }
    }
    let all = contrast.sides().map(|side| percent(side.answered.value));
    sheet.figure.summary = format!(
        "Right answers: {} with {}, {} with {}; {} without looking.",
        all[0],
        SIDES[0],
        all[1],
        SIDES[1],
        percent(contrast.chance)
    );
    sheet.figure
}

/// A row's name and the scores of both sides.
type Row = (String, [Option<Score>; 2]);

/// All questions, then each kind.
fn rows(contrast: &Contrast) -> Vec<Row> {
    let all = contrast.sides().map(|side| Some(side.answered));
    let kinds = contrast.fitting.kinds.iter().map(|(kind, score)| {
        let mut others = contrast.shuffled.kinds.iter();
        let other = others.find(|(other, _)| other == kind);
        (
            kind_words(kind).to_owned(),
            [Some(*score), other.map(|(_, score)| *score)],
        )
    });
    std::iter::once(("all questions".to_owned(), all))
        .chain(kinds)
        .collect()
}

/// A bar with its interval and its number, which keeps off the line of chance where there is one.
fn bar(
    sheet: &mut Sheet<'_>,
    axis: &Axis,
    side: usize,
    score: &Score,
    middle: f32,
    chance: Option<f32>,
) {
    let font = sheet.look.font();
    let palette = sheet.look.palette;
    let color = side_color(sheet.look, side);
    let half = 0.36 * font;
    let area = Area::between(
        [axis.at(0.0), axis.at(score.value)],
        [middle - half, middle + half],
    );
    sheet.mark(Mark::Rect {
        area,
        radius: 2.0,
        fill: Some(color),
        stroke: None,
    });
    let ends = [score.low, score.high].map(|share| [axis.at(share), middle]);
    sheet.line(ends.into(), Stroke::new(1.2, palette.ink));
    let words = percent(score.value);
    let mut left = axis.at(score.high.max(score.value)) + 0.5 * font;
    let taken = left - 0.3 * font..=left + words::width(&words, font) + 0.3 * font;
    if let Some(line) = chance.filter(|line| taken.contains(line)) {
        left = line + 0.5 * font;
    }
    sheet.mark(Mark::Text(Text {
        at: [left, middle],
        anchor: Anchor::Start,
        size: font,
        color: palette.ink,
        strong: false,
        upward: false,
        words,
    }));
}

fn chance_line(look: &Look) -> Stroke {
    Stroke::new(1.4, look.palette.ink).dashed(3.0, 3.0)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share)
}
