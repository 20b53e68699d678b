//! Lists of pairs: one `{"image": path, "text": string}` a line.

use serde::Deserialize;

/// A line of a list of pairs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PairLine {
    /// Path of the image, relative to the list's folder.
    pub image: String,
    /// The text, as the assistant would say it; not empty.
    pub text: String,
}

/// The lines of a list, with their numbers counted from 1; blank ones are left out.
///
/// # Errors
/// Each line for itself: it is no such object, or its text is empty.
pub fn pair_lines(content: &str) -> impl Iterator<Item = (usize, Result<PairLine, String>)> {
    content
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(index, line)| (index + 1, pair_line(line)))
}

fn pair_line(line: &str) -> Result<PairLine, String> {
    let pair: PairLine = serde_json::from_str(line).map_err(|error| {
        // The position inside the line is all that is left of serde_json's message's place.
        let column = error.column();
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        format!("expected {{\"image\": path, \"text\": string}}, found {reason} (column {column})")
    })?;
    if pair.text.trim().is_empty() {
        return Err("expected a text, found an empty one".to_owned());
    }
    Ok(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_a_pair_or_says_why_not() {
        let content =
            "{\"image\": \"a.png\", \"text\": \"A.\"}\n\n[1]\n{\"image\": \"b\", \"text\": \" \"}";
        let lines: Vec<_> = pair_lines(content).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].0, 1);
        assert_eq!(lines[0].1.as_ref().unwrap().image, "a.png");
        let (number, Err(reason)) = &lines[1] else {
            panic!("a list is no pair");
        };
        assert_eq!(*number, 3);
        assert!(reason.starts_with("expected {\"image\": path"), "{reason}");
        assert!(
            lines[2]
                .1
                .as_ref()
                .is_err_and(|reason| reason.contains("empty"))
        );
    }
}
