//! Tables of Markdown.

/// What stands in a cell or a sentence, on one line.
pub(crate) fn cell(text: &str) -> String {
    let text = text.replace(['\n', '\r'], " ");
    text.replace('\\', "\\\\").replace('|', "\\|")
}

/// A row of cells.
pub(crate) fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one_cell() {
        let cells = ["a|b", "c\\", "d\ne"].map(cell);
        assert_eq!(row(cells), "| a\\|b | c\\\\ | d e |\n");
    }
}
