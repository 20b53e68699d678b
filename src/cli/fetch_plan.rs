//! What would be fetched of a hub's repository, as text.

use crate::{
    engine::{FetchPlan, PlannedFile},
    report::{
        TextStyle, format_bytes,
        layout::{Align, Column, columns, labeled},
    },
    words::counted,
};

/// The files with their sizes, and what there is to know before they are fetched.
pub(crate) fn text(plan: &FetchPlan, style: TextStyle) -> String {
    let licence = plan.licence.as_deref().unwrap_or("not stated");
    let access = match plan.gated {
        true => "gated: ask for it on the repository's page",
        false => "free",
    };
    let total = format!(
        "{} in {}; {} here, {} to fetch",
        format_bytes(plan.total()),
        counted(plan.files.len(), "file"),
        format_bytes(plan.here()),
        format_bytes(plan.missing())
    );
    let id = plan.id.to_string();
    let facts = [
        ("repository", id.as_str()),
        ("commit", &plan.commit),
        ("licence", licence),
        ("access", access),
        ("size", &total),
    ];
    let mut lines: Vec<String> = facts
        .iter()
        .flat_map(|(label, text)| labeled(label, text, style))
        .collect();
    for note in &plan.notes {
        lines.extend(labeled("note", note, style));
    }
    let files = || plan.files.iter();
    let state = |here: u64, size: u64| match here {
        0 => "to fetch".to_owned(),
        here if here >= size => "here".to_owned(),
        here => format!("{} here", format_bytes(here)),
    };
    let (table, _) = columns(
        vec![
            Column::new("file", Align::Left, 0, files().map(PlannedFile::name)),
            Column::new(
                "size",
                Align::Left,
                0,
                files().map(|file| format_bytes(file.file.size)),
            ),
            Column::new(
                "",
                Align::Left,
                0,
                files().map(|file| state(file.here, file.file.size)),
            ),
        ],
        style,
    );
    lines.push(String::new());
    lines.extend(table);
    lines.push(String::new());
    lines.join("\n")
}
