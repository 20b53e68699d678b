//! How wide words are, without a font at hand: good to about a tenth, on the wide side.

/// Width of `words` in a font of `size` points.
pub(super) fn width(words: &str, size: f32) -> f32 {
    let letters = words.chars().map(|letter| match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.28,
        'f' | 'r' | 't' | '(' | ')' | '[' | ']' | '/' | ' ' | '-' | 'I' => 0.36,
        'm' | 'w' | 'M' | 'W' | '%' | '@' | '…' => 0.87,
        'A'..='Z' => 0.68,
        // Letters of other scripts may be as wide as they are high.
        letter if letter as u32 >= 0x2e80 => 1.0,
        _ => 0.57,
    });
    letters.sum::<f32>() * size
}

/// `words`, cut at the end so that they fit into `room`.
pub(super) fn fit(words: &str, size: f32, room: f32) -> String {
    if width(words, size) <= room {
        return words.to_owned();
    }
    let mut cut = String::new();
    for letter in words.chars() {
        cut.push(letter);
        if width(&cut, size) + width("…", size) > room {
            cut.pop();
            break;
        }
    }
    cut.trim_end().to_owned() + "…"
}

/// `words` in lines that fit into `room`; a single word may still be wider.
pub(super) fn wrap(words: &str, size: f32, room: f32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words.split_whitespace() {
        // A word that has no room on a line goes on after its hyphens.
        let whole = width(word, size) <= room;
        let parts = word.split_inclusive(|letter| letter == '-' && !whole);
        for (index, part) in parts.enumerate() {
            let blank = if index == 0 { " " } else { "" };
            match lines.last_mut() {
                Some(line) if width(line, size) + width(part, size) + 0.36 * size <= room => {
                    line.push_str(blank);
                    line.push_str(part);
                }
                _ => lines.push(part.to_owned()),
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_and_wrapped_to_their_room() {
        assert_eq!(fit("short", 12.0, 100.0), "short");
        let cut = fit("a very long name of a model", 12.0, 80.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 80.0, "{cut}");
        let lines = wrap("one two three four five six seven", 12.0, 90.0);
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| width(line, 12.0) <= 90.0));
        assert_eq!(lines.join(" "), "one two three four five six seven");
        assert_eq!(fit("word", 12.0, 0.0), "…");
        assert_eq!(wrap("a C-Abstractor", 12.0, 70.0), ["a C-", "Abstractor"]);
        assert_eq!(wrap("a C-Abstractor", 12.0, 80.0), ["a", "C-Abstractor"]);
    }
}
