//! How the score goes with every quantity, one below the other.

use super::{
    super::{
        Anchor, Area, Figure, Look, Scale, Stroke,
        axis::Axis,
        sheet::{Key, Sheet},
        words,
    },
    StudyPlot,
    scatter::faint,
};
use crate::study::{Certainty, Over, WithScore};

/// Spearman's correlation of the score with every quantity over the settings that can be compared, strongest first,
/// with the interval over resampled settings where there is one; faint where chance would do as much.
///
/// The figure is as high as its rows need, whatever the look says.
pub fn score_quantities(plot: &StudyPlot<'_>, look: &Look) -> Figure {
    let rows = plot.results.with_score(&Over::Comparable);
    let font = look.font();
    let row = 1.5 * font;
    let look = Look {
        size: [look.size[0], row * rows.len().max(3) as f32 + 7.0 * font],
        ..*look
    };
    let mut sheet = Sheet::new(&look, "What the score goes with");
    let whole = [-1.0, 1.0];
    let axis = Axis::covering(Scale::Linear, whole, false, [0.0, 1.0]);
    let (Some(axis), Some(first)) = (axis, rows.first()) else {
        sheet.instead("no setting was measured with all quantities");
        return sheet.figure;
    };
    let palette = look.palette;
    let [width, height] = look.size;
    let sure = palette.accent;
    let keys = [
        ("Spearman's rho", Key::Dot(sure)),
        ("no order beyond chance", Key::Dot(palette.faint.faded(0.7))),
        (
            "95 % over resampled settings",
            Key::Line(Stroke::new(1.6, sure.faded(0.6))),
        ),
    ];
    let top = 0.6 * font + sheet.legend([0.5 * font, 0.2 * font], keys);
    let names = rows.iter().map(|it| words::width(it.label, font));
    let left = (names.fold(0.0, f32::max) + 1.2 * font).min(0.42 * width);
    let right = width - 7.0 * font;
    let area = Area::between([left, right.max(left + font)], [top, height - 3.2 * font]);
    let axis = axis.between([area.left(), area.right()]);
    sheet.value_axis(area, axis, "rank correlation with the score");
    let zero = axis.at(0.0);
    let line = Stroke::new(1.2, palette.faint);
    sheet.line(vec![[zero, area.top()], [zero, area.bottom()]], line);
    for (index, it) in rows.iter().enumerate() {
        let y = area.top() + row * (index as f32 + 0.5);
        let is_sure = it.rank.sure_sign().is_some();
        let (color, ink) = match is_sure {
            true => (sure, palette.ink),
            false => (palette.faint.faded(0.7), palette.faint),
        };
        let name = words::fit(it.label, font, left - font);
        sheet.words([0.5 * font, y], Anchor::Start, ink, name);
        let beside = [area.right() + 0.7 * font, y];
        let Some(rho) = it.rank.rho else {
            let said = format!("undefined, n = {}", it.rank.n);
            faint(&mut sheet, beside, Anchor::Start, &said);
            continue;
        };
        if let Certainty::Bootstrap { low, high } = it.rank.certainty {
            let ends = [low, high].map(|end| [axis.at(end), y]);
            sheet.line(ends.into(), Stroke::new(1.6, color.faded(0.6)));
        }
        sheet.disc([axis.at(rho), y], 0.36 * font, color);
        let said = format!("{rho:.2}, n = {}", it.rank.n).replace('-', "\u{2212}");
        faint(&mut sheet, beside, Anchor::Start, &said);
    }
    sheet.figure.summary = summary(first, &rows);
    sheet.figure
}

fn summary(first: &WithScore<'_>, rows: &[WithScore<'_>]) -> String {
    let listed = rows.iter().map(|it| {
        let [spearman, _] = it.coefficients();
        format!("{} {spearman}", it.label)
    });
    let listed: Vec<String> = listed.collect();
    format!(
        "Over {} settings that can be compared the score goes most with: {}. All: {}.",
        first.rank.n,
        first.label,
        listed.join("; ")
    )
}
