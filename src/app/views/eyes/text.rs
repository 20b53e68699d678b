//! Tokens and shares as a reader can read them.

use std::borrow::Cow;

/// A token's text without the space before it; what would be invisible is spelled out.
pub fn readable(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return Cow::Borrowed("(nothing)");
    }
    let trimmed = text.trim_matches(' ');
    if trimmed.is_empty() {
        return Cow::Owned("·".repeat(text.chars().count()));
    }
    if trimmed.chars().any(char::is_control) {
        return Cow::Owned(trimmed.chars().flat_map(visible).collect());
    }
    Cow::Borrowed(trimmed)
}

/// As [`readable`], with a middle dot for the space before it: tells ` dog` from `dog`.
pub fn with_space(text: &str) -> Cow<'_, str> {
    if text.starts_with(' ') && !text.trim().is_empty() {
        Cow::Owned(format!("·{}", readable(text)))
    } else {
        readable(text)
    }
}

fn visible(letter: char) -> Vec<char> {
    if letter.is_control() {
        letter.escape_debug().collect()
    } else {
        vec![letter]
    }
}

/// A share of 1 in percent: `42.1 %`, `0.3 %`, `< 0.1 %`.
pub fn percent(share: f32) -> String {
    let percent = share * 100.0;
    if percent >= 99.95 {
        "100 %".to_owned()
    } else if percent >= 0.05 {
        format!("{percent:.1} %")
    } else if percent > 0.0 {
        "< 0.1 %".to_owned()
    } else {
        "0 %".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_letters_become_visible() {
        assert_eq!(readable(" dog"), "dog");
        assert_eq!(with_space(" dog"), "·dog");
        assert_eq!(with_space("dog"), "dog");
        assert_eq!(readable("  "), "··");
        assert_eq!(with_space("  "), "··");
        assert_eq!(readable("\n"), "\\n");
        assert_eq!(readable("a\tb"), "a\\tb");
        assert_eq!(readable(""), "(nothing)");
    }

    #[test]
    fn shares_in_percent() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.421), "42.1 %");
        assert_eq!(percent(0.0004), "< 0.1 %");
        assert_eq!(percent(0.0), "0 %");
    }
}
