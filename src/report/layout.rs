//! Aligned columns and wrapped lines for a terminal. What comes in may be from anywhere; what goes out
//! has no control character but the codes of [`TextStyle`].

use std::iter;

use unicode_width::UnicodeWidthStr;

use crate::words::printable;

/// How text is laid out for a terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextStyle {
    /// Columns of the terminal; no limit if absent, as for a file.
    pub width: Option<usize>,
    /// Whether ANSI escape codes may be used.
    pub color: bool,
}

impl TextStyle {
    /// `text` in bold, where that is possible.
    pub(crate) fn bold(self, text: &str) -> String {
        self.escape("1", text)
    }

    /// `text` in faint letters, where that is possible.
    pub(crate) fn dim(self, text: &str) -> String {
        self.escape("2", text)
    }

    fn escape(self, code: &str, text: &str) -> String {
        let text = printable(text);
        if self.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.into_owned()
        }
    }
}

/// Columns that a text takes on a terminal: two for most letters of Chinese, Japanese and Korean.
fn width_of(text: &str) -> usize {
    text.width()
}

/// `text` in so many columns; `{:width$}` would count letters.
fn padded(text: &str, width: usize, align: Align) -> String {
    let blanks = " ".repeat(width.saturating_sub(width_of(text)));
    match align {
        Align::Left => format!("{text}{blanks}"),
        Align::Point => format!("{blanks}{text}"),
    }
}

/// How the cells of a column stand under each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text, flush left.
    Left,
    /// Numbers, with their decimal points under each other.
    Point,
}

/// One column of a table.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    title: &'static str,
    align: Align,
    /// Columns with the highest number go first where the terminal is too narrow; 0 always stays.
    dispensable: u8,
    cells: Vec<String>,
}

impl Column {
    pub(crate) fn new(
        title: &'static str,
        align: Align,
        dispensable: u8,
        cells: impl IntoIterator<Item = String>,
    ) -> Self {
        Self {
            title,
            align,
            dispensable,
            cells: cells
                .into_iter()
                .map(|cell| printable(&cell).into_owned())
                .collect(),
        }
    }

    /// Title and cells padded to one width, the title first.
    fn padded(&self) -> Vec<String> {
        let cells = match self.align {
            Align::Left => self.cells.clone(),
            Align::Point => align_points(&self.cells),
        };
        let width = cells
            .iter()
            .map(|cell| width_of(cell))
            .fold(width_of(self.title), usize::max);
        let pad = |text: &str| padded(text, width, self.align);
        iter::once(pad(self.title))
            .chain(cells.iter().map(|cell| pad(cell)))
            .collect()
    }
}

/// Pads numbers so that their decimal points stand under each other.
fn align_points(cells: &[String]) -> Vec<String> {
    let halves: Vec<(&str, &str)> = cells
        .iter()
        .map(|cell| cell.split_at(cell.find('.').unwrap_or(cell.len())))
        .collect();
    let before = halves.iter().map(|half| half.0.chars().count()).max();
    let after = halves.iter().map(|half| half.1.chars().count()).max();
    let (before, after) = (before.unwrap_or(0), after.unwrap_or(0));
    halves
        .iter()
        .map(|(left, right)| format!("{left:>before$}{right:<after$}"))
        .collect()
}

/// The table's lines, title line first, and the titles of the columns that did not fit.
pub(crate) fn columns(
    mut columns: Vec<Column>,
    style: TextStyle,
) -> (Vec<String>, Vec<&'static str>) {
    const GAP: &str = "  ";
    let mut left_out = Vec::new();
    loop {
        let padded: Vec<_> = columns.iter().map(Column::padded).collect();
        let width: usize = padded
            .iter()
            .filter_map(|column| column.first())
            .map(|title| width_of(title) + GAP.len())
            .sum::<usize>()
            .saturating_sub(GAP.len());
        let victim = columns
            .iter()
            .enumerate()
            .max_by_key(|(position, column)| (column.dispensable, *position))
            .filter(|(_, column)| column.dispensable > 0)
            .map(|(position, _)| position);
        if let Some(victim) = victim
            && style.width.is_some_and(|limit| width > limit)
        {
            left_out.push(columns.remove(victim).title);
            continue;
        }
        let rows = padded.iter().map(Vec::len).max().unwrap_or(0);
        let mut lines: Vec<String> = (0..rows)
            .map(|row| {
                let cells: Vec<&str> = padded
                    .iter()
                    .map(|column| column.get(row).map_or("", String::as_str))
                    .collect();
                cells.join(GAP).trim_end().to_owned()
            })
            .collect();
        if let Some(titles) = lines.first_mut() {
            *titles = style.bold(titles);
        }
        left_out.retain(|title| !title.is_empty());
        left_out.reverse();
        return (lines, left_out);
    }
}

/// `label  text`, the text wrapped and indented under itself.
pub(crate) fn labeled(label: &str, text: &str, style: TextStyle) -> Vec<String> {
    labeled_styled(label, &printable(text), style)
}

/// As [`labeled`], for a text with escape codes of [`TextStyle`] and no others in it.
pub(crate) fn labeled_styled(label: &str, text: &str, style: TextStyle) -> Vec<String> {
    const INDENT: usize = 14;
    let room = style
        .width
        .map_or(usize::MAX, |width| width.saturating_sub(INDENT).max(20));
    let mut lines = Vec::new();
    for (position, part) in wrap(text, room).into_iter().enumerate() {
        let head = if position == 0 { label } else { "" };
        let head = format!("{head:<INDENT$}");
        lines.push(format!("{}{part}", style.dim(&head)));
    }
    lines
}

/// `text` in lines of at most `room` characters, broken at spaces; a longer word stays whole.
fn wrap(text: &str, room: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = width_of(word);
        if used > 0 && used + 1 + length > room {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if used > 0 {
                line.push(' ');
                used += 1;
            }
            line.push_str(word);
            used += length;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Vec<Column> {
        let cells = |list: &[&str]| list.iter().map(|&cell| cell.to_owned()).collect::<Vec<_>>();
        vec![
            Column::new("k", Align::Point, 0, cells(&["1", "10"])),
            Column::new("value", Align::Point, 0, cells(&["1234", "0.015"])),
            Column::new("name", Align::Left, 1, cells(&["a", "bcd"])),
            Column::new("more", Align::Left, 2, cells(&["x", ""])),
        ]
    }

    #[test]
    fn points_stand_under_each_other() {
        let (lines, left_out) = columns(numbers(), TextStyle::default());
        assert_eq!(
            lines,
            [
                " k     value  name  more",
                " 1  1234      a     x",
                "10     0.015  bcd"
            ]
        );
        assert!(left_out.is_empty());
    }

    #[test]
    fn narrow_terminals_lose_the_least_important_columns() {
        let style = TextStyle {
            width: Some(18),
            color: false,
        };
        let (lines, left_out) = columns(numbers(), style);
        assert_eq!(left_out, ["more"]);
        assert!(lines.iter().all(|line| line.chars().count() <= 18));
        let style = TextStyle {
            width: Some(1),
            color: false,
        };
        let (lines, left_out) = columns(numbers(), style);
        assert_eq!(left_out, ["name", "more"]);
        assert_eq!(lines[0], " k     value");
    }

    #[test]
    fn wide_letters_take_two_columns_and_controls_none() {
        let cells = ["\u{732b}\u{732b}", "a\n\u{1b}[2J"].map(str::to_owned);
        let numbers = ["1", "2"].map(str::to_owned);
        let (lines, _) = columns(
            vec![
                Column::new("name", Align::Left, 0, cells),
                Column::new("n", Align::Point, 0, numbers),
            ],
            TextStyle::default(),
        );
        assert_eq!(
            lines,
            [
                "name          n",
                "\u{732b}\u{732b}          1",
                "a\\n\\u{1b}[2J  2"
            ]
        );
        let style = TextStyle {
            width: None,
            color: true,
        };
        let lines = labeled("note", "\u{1b}[1mloud", style);
        assert_eq!(lines, ["\u{1b}[2mnote          \u{1b}[0m\\u{1b}[1mloud"]);
    }

    #[test]
    fn long_words_stay_whole_and_lines_are_indented() {
        let style = TextStyle {
            width: Some(34),
            color: false,
        };
        assert_eq!(
            labeled(
                "note",
                "aaaa bbbb cccc dddd eeeeeeeeeeeeeeeeeeeeeeeee",
                style
            ),
            [
                "note          aaaa bbbb cccc dddd",
                "              eeeeeeeeeeeeeeeeeeeeeeeee"
            ]
        );
    }
}
