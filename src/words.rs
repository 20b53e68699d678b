//! Words for a reader: counted things, and text that a terminal shows as it is.

use std::{borrow::Cow, fmt::Write};

/// What is said where nothing can compute, with the package that always helps.
pub const NO_ADAPTER: &str = if cfg!(target_arch = "wasm32") {
    "no graphics adapter was found: use a browser with WebGPU"
} else if cfg!(target_os = "linux") {
    "no graphics adapter was found: install your GPU's Vulkan driver, or Mesa's, which also computes without a GPU \
     (package mesa-vulkan-drivers on Debian, Ubuntu and Fedora)"
} else {
    "no graphics adapter was found: install your GPU's driver"
};

/// `1 text`, `1,234 texts`, `0 texts`: a number with its noun, whose plural is regular.
pub fn counted(number: usize, noun: &str) -> String {
    format!("{} {}", grouped(number as u64), plural(number, noun))
}

/// A noun for so many: `text` for 1, else `texts`; also `queries` and `patches`.
pub fn plural(number: usize, noun: &str) -> Cow<'_, str> {
    if number == 1 {
        return Cow::Borrowed(noun);
    }
    let hisses = ["s", "x", "ch", "sh"];
    Cow::Owned(match noun.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'i', 'o', 'u']) => format!("{stem}ies"),
        _ if hisses.iter().any(|end| noun.ends_with(end)) => format!("{noun}es"),
        _ => format!("{noun}s"),
    })
}

/// `12,345,678`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Text from a file, a path, a library or a driver, fit for a terminal and for one line of it: what
/// a terminal would obey instead of showing stands there in Rust's escapes, such as `\n` or `\u{1b}`.
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable, |letter, to| {
        to.extend(letter.escape_default());
    })
}

/// JSON that a terminal shows as it is: the same value, with the letters of [`printable`] in JSON's
/// escapes. Line ends between the values stay.
pub fn printable_json(json: &str) -> Cow<'_, str> {
    let hidden = |letter| letter != '\n' && is_unprintable(letter);
    escaped(json, hidden, |letter, to| {
        for unit in letter.encode_utf16(&mut [0; 2]) {
            // A string takes whatever is written to it.
            let _ = write!(to, "\\u{unit:04x}");
        }
    })
}

/// `text` for a terminal, its lines and the `codes` of our own style kept as they are.
pub fn printable_lines<'a>(text: &'a str, codes: &[&str]) -> Cow<'a, str> {
    let is_clean = |letter| letter == '\n' || !is_unprintable(letter);
    if text.chars().all(is_clean) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(code) = codes.iter().find(|code| rest.starts_with(**code)) {
            kept.push_str(code);
            rest = &rest[code.len()..];
            continue;
        }
        if is_clean(letter) {
            kept.push(letter);
        } else {
            kept.extend(letter.escape_default());
        }
        rest = &rest[letter.len_utf8()..];
    }
    Cow::Owned(kept)
}

fn escaped(
    text: &str,
    hidden: impl Fn(char) -> bool,
    escape: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match hidden(letter) {
            true => escape(letter, &mut kept),
            false => kept.push(letter),
        }
    }
    Cow::Owned(kept)
}

/// What a terminal obeys, or what makes a line read other than it is: controls (C0, DEL and C1), line
/// and paragraph separators, marks of the writing direction, and letters that are never seen.
fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!(counted(1, "text"), "1 text");
        assert_eq!(counted(0, "pair"), "0 pairs");
        assert_eq!(counted(12_345, "image token"), "12,345 image tokens");
        assert_eq!(plural(2, "query"), "queries");
        assert_eq!(plural(1, "query"), "query");
        assert_eq!(plural(3, "key"), "keys");
        assert_eq!(plural(0, "patch"), "patches");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(134_515_008), "134,515,008");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, shown) in [
            ("a cat.png", "a cat.png"),
            (
                "Fr\u{e9}chet \u{4f60}\u{597d} \u{1f600}",
                "Fr\u{e9}chet \u{4f60}\u{597d} \u{1f600}",
            ),
            ("a\nerror: b\r\t", "a\\nerror: b\\r\\t"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("a\u{202e}gnp.exe", "a\\u{202e}gnp.exe"),
            ("\u{2066}\u{2029}\u{e0041}", "\\u{2066}\\u{2029}\\u{e0041}"),
        ] {
            assert_eq!(printable(text), shown);
            assert_eq!(printable(shown), shown);
        }
    }

    #[test]
    fn json_keeps_its_value() {
        let value = "a\u{9b}b\u{202e}c\u{e0041}d\n";
        let json = format!("[\n{}\n]", serde_json::to_string(value).unwrap());
        let shown = printable_json(&json);
        assert!(
            shown.contains("a\\u009bb\\u202ec\\udb40\\udc41d\\n"),
            "{shown}"
        );
        let back: Vec<String> = serde_json::from_str(&shown).unwrap();
        assert_eq!(back, [value]);
    }

    #[test]
    fn only_our_own_codes_pass() {
        let text = "\u{1b}[1mbold\u{1b}[0m \u{1b}[31mred\u{1b}[2J\nnext";
        let codes = ["\u{1b}[1m", "\u{1b}[0m"];
        assert_eq!(
            printable_lines(text, &codes),
            "\u{1b}[1mbold\u{1b}[0m \\u{1b}[31mred\\u{1b}[2J\nnext"
        );
        assert!(!printable_lines(text, &[]).contains('\u{1b}'));
    }
}
