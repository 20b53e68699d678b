//! The rate against the number of pairs.

use super::{Anchor, Area, Figure, Look, Scale, Stroke, axis::Axis, sheet::Sheet};
use crate::{
    report::{BIAS_CORRECTED, PairsPoint, Report},
    words::counted,
};

/// The rate of samples of a report's pairs, a row for each number of them: a dot for each sample, fewest pairs above, and
/// below all of them what it tends to. Nothing where there are no samples.
pub fn pairs(report: &Report, look: &Look) -> Option<Figure> {
    let samples = &report.samples;
    if samples.is_empty() {
        return None;
    }
    let corrected = report
        .metrics
        .iter()
        .find(|metric| metric.id == BIAS_CORRECTED);
    let corrected = corrected.and_then(|metric| metric.value);
    let (font, width) = (look.font(), look.size[0]);
    let row = 1.9 * font;
    let rows = samples.len() + usize::from(corrected.is_some());
    let look = Look {
        size: [width, row * rows.max(1) as f32 + 4.2 * font],
        ..*look
    };
    let mut sheet = Sheet::new(
        &look,
        "Modality Integration Rate against the number of pairs",
    );
    let values = samples
        .iter()
        .flat_map(|point| &point.mir)
        .copied()
        .flatten();
    let axis = Axis::covering(Scale::Linear, values.chain(corrected), false, [0.0, 1.0])?;
    let palette = look.palette;
    let area = Area::between(
        [8.0 * font, width - 3.6 * font],
        [0.5 * font, look.size[1] - 3.2 * font],
    );
    let axis = axis.between([area.left() + font, area.right() - font]);
    sheet.value_axis(
        area,
        axis,
        "MIR of samples of the pairs: fewer pairs bias it upward",
    );
    let y = |index: usize| area.top() + row * (index as f32 + 0.5);
    for (index, PairsPoint { pairs, mir }) in samples.iter().enumerate() {
        let name = counted(*pairs, "pair");
        sheet.words([0.6 * font, y(index)], Anchor::Start, palette.ink, name);
        for mir in mir.iter().copied().flatten() {
            sheet.disc(
                [axis.at(mir), y(index)],
                0.36 * font,
                palette.accent.faded(0.75),
            );
        }
    }
    if let Some(corrected) = corrected {
        let (x, y) = (axis.at(corrected), y(samples.len()));
        sheet.words([0.6 * font, y], Anchor::Start, palette.ink, "tends to");
        let line = Stroke::new(1.2, palette.faint).dashed(4.0, 3.0);
        sheet.line(vec![[x, area.top()], [x, y]], line);
        sheet.words(
            [x + 0.7 * font, y],
            Anchor::Start,
            palette.ink,
            format!("{corrected:.3}"),
        );
    }
    let told = samples.iter().map(|PairsPoint { pairs, mir }| {
        let mir = mir.iter().copied().flatten();
        let mir: Vec<String> = mir.map(|mir| format!("{mir:.3}")).collect();
        format!("{}: {}", counted(*pairs, "pair"), mir.join(", "))
    });
    sheet.figure.summary = told.collect::<Vec<_>>().join("; ");
    Some(sheet.figure)
}
