//! The results as text for a terminal.

use super::{Metric, Over, StudyResults, Variant, WithScore, sentences};
use crate::{
    report::{
        TextStyle,
        layout::{Align, Column, columns, labeled, labeled_styled},
    },
    words::printable,
};

/// The variants in a table; below it what they say, how the score goes with each quantity, and each claim with its
/// verdict. Ends with a newline.
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
    lines.extend(quantities(results, style));
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

/// How the score goes with every quantity, over the settings that can be compared.
fn quantities(results: &StudyResults, style: TextStyle) -> Vec<String> {
    let found = results.with_score(&Over::Comparable);
    if found.is_empty() {
        return Vec::new();
    }
    let each = |cell: &dyn Fn(&WithScore<'_>) -> String| found.iter().map(cell).collect::<Vec<_>>();
    let coefficient = |at: usize| each(&|it| it.coefficients()[at].clone());
    let table = vec![
        Column::new(
            "score with",
            Align::Left,
            0,
            each(&|it| it.label.to_owned()),
        ),
        Column::new("Spearman", Align::Left, 0, coefficient(0)),
        Column::new("Kendall", Align::Left, 2, coefficient(1)),
        Column::new("n", Align::Point, 3, each(&|it| it.rank.n.to_string())),
        Column::new(
            "direction",
            Align::Left,
            1,
            each(&|it| it.direction().to_owned()),
        ),
    ];
    let (mut lines, _) = columns(table, style);
    lines.insert(0, String::new());
    lines
}
