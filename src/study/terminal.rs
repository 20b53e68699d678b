//! The results as text for a terminal.

use super::{Metric, StudyResults, Variant, sentences};
use crate::{
    report::{
        TextStyle,
        layout::{Align, Column, columns, labeled, labeled_styled},
    },
    words::printable,
};

/// The variants in a table; below it what they say, and each claim with its verdict. Ends with a newline.
///
/// On a narrow terminal the least important columns are left out.
pub fn study_text(results: &StudyResults, style: TextStyle) -> String {
    let variants = &results.study.variants;
    let each = |cell: &dyn Fn(&Variant) -> String| variants.iter().map(cell).collect::<Vec<_>>();
    let mut table = vec![
        Column::new("variant", Align::Left, 0, each(&|it| it.name.clone())),
        Column::new("setting", Align::Left, 5, each(&|it| it.label.clone())),
    ];
    let titles = [
        "MIR",
        "matched",
        "score",
        "blanked",
        "swapped",
        "loss",
        "perplexity",
    ];
    let rank = [0, 3, 0, 2, 4, 1, 1];
    for ((metric, title), rank) in Metric::TABLE.iter().zip(titles).zip(rank) {
        let cell = |variant: &Variant| {
            let value = metric.value(results, variant);
            value.map_or_else(|| "-".to_owned(), |value| metric.text(value))
        };
        table.push(Column::new(title, Align::Point, rank, each(&cell)));
    }
    let (mut lines, _) = columns(table, style);
    lines.push(String::new());
    for sentence in sentences(results) {
        lines.extend(labeled("", &sentence, style));
    }
    lines.push(String::new());
    for (claim, verdict) in results.study.claims.iter().zip(&results.verdicts) {
        let mut text = format!(
            "{}: {} ({})",
            style.bold(verdict.outcome.words()),
            printable(&claim.statement),
            printable(claim.origin())
        );
        if let Some(note) = &verdict.note {
            text += &format!("; {}", printable(note));
        }
        lines.extend(labeled_styled("claim", &text, style));
    }
    lines.join("\n") + "\n"
}
