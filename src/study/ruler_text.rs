//! The ruler of a contrast in a line of letters, for the end of a run's table.

use super::{Contrast, NO_PROGRESS};
use crate::report::{Report, TextStyle, format_count as count, layout::labeled};

/// What the number does not say.
pub const NOT_SAID: &str = "MIR does not say whether answers are right, nor how far a training has come: compare the \
    ends of equally long trainings, measured alike.";
/// What the ruler's lower end means.
pub(crate) const NEARER: &str = "nearer to the words";
/// What its upper end means.
pub(crate) const FARTHER: &str = "farther";
/// What the two sides are called.
pub(crate) const SIDES: [&str; 2] = ["captions that fit", "shuffled captions"];

/// Columns that a line has where nothing limits it.
const WIDTH: usize = 80;
/// Columns before the line's text, as in the table above it.
const INDENT: usize = 14;
/// Fewer cells than this show nothing.
const LEAST_CELLS: usize = 12;

/// Where a run of the demo lies between the study's captions that fit and its shuffled ones: one line of
/// ASCII, and what is on it. `samples` is how many image-text pairs its connector had seen. Ends with a
/// newline; none where the run was measured otherwise than the study, or its MIR is undefined.
///
/// On a terminal too narrow for the line the numbers alone are given.
pub fn ruler_text(
    contrast: &Contrast,
    report: &Report,
    samples: u64,
    style: TextStyle,
) -> Option<String> {
    let mir = report.mir.filter(|_| contrast.is_measured_as(report))?;
    let room = (style.width.unwrap_or(WIDTH).min(WIDTH)).saturating_sub(INDENT);
    let cells = room.saturating_sub(NEARER.len() + FARTHER.len() + 4);
    let [fitting, shuffled] = contrast.sides().map(|side| format!("{:.3}", side.mir()));
    let mut lines = Vec::new();
    let legend = if cells >= LEAST_CELLS {
        let line = format!("{NEARER} |{}| {FARTHER}", drawn(contrast, mir, cells));
        lines.extend(labeled("ruler", &line, style));
        format!(
            "* this run {mir:.3}; o {} {fitting}, {} {shuffled}, one for each seed; = where other seeds are \
             expected",
            SIDES[0], SIDES[1]
        )
    } else {
        format!(
            "from {NEARER} to {FARTHER}: {} {fitting}, {} {shuffled}; this run {mir:.3}",
            SIDES[0], SIDES[1]
        )
    };
    let label = if lines.is_empty() { "ruler" } else { "" };
    lines.extend(labeled(label, &legend, style));
    let seen = match samples {
        0 => "this connector had seen none".to_owned(),
        seen => format!("this connector had seen {}", count(seen)),
    };
    let compared = format!(
        "Those were trained on {} pairs each, {seen}. Compare the ends of equally long trainings: \
         {NO_PROGRESS}",
        count(contrast.samples)
    );
    let compared = match report.tokens() {
        (vision, _) if vision < contrast.n_vision => {
            compared + "; with fewer tokens than there this number is biased upward"
        }
        _ => compared,
    };
    lines.extend(labeled("", &compared, style));
    Some(lines.join("\n") + "\n")
}

/// The ruler's cells: bands, over them the seeds, over these the run.
fn drawn(contrast: &Contrast, mir: f64, cells: usize) -> String {
    let bands = contrast.sides().map(|side| contrast.band(side));
    let seeds = || contrast.sides().into_iter().flat_map(|side| &side.seeds);
    let values = bands.into_iter().flatten();
    let values = values.chain(seeds().map(|(_, mir)| *mir)).chain([mir]);
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let last = cells.saturating_sub(1);
    let cell = |value: f64| {
        let share = (value - low) / (high - low).max(f64::MIN_POSITIVE);
        // Casts saturate, so that no number leaves the line.
        ((share * last as f64).round() as usize).min(last)
    };
    let mut line = vec!['-'; cells];
    for [low, high] in bands {
        line[cell(low)..=cell(high)].fill('=');
    }
    for (_, mir) in seeds() {
        line[cell(*mir)] = 'o';
    }
    if let Some(place) = line.get_mut(cell(mir)) {
        *place = '*';
    }
    line.into_iter().collect()
}
