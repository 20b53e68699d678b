//! A template's tags and their tokens, found as minijinja finds them.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name,
    /// A number.
    Number,
    /// A string with its quotes.
    Text,
    /// An opening bracket.
    Open,
    /// A closing bracket.
    Close,
    /// Anything else.
    Operator,
}

/// A token of a tag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    /// Where it begins in the tag.
    pub start: usize,
}

impl Token<'_> {
    /// Whether a value may end here, so that a bracket behind it is a call or a subscript.
    pub fn ends_a_value(&self) -> bool {
        const KEYWORDS: [&str; 16] = [
            "if",
            "elif",
            "else",
            "for",
            "in",
            "not",
            "and",
            "or",
            "is",
            "recursive",
            "set",
            "with",
            "call",
            "filter",
            "do",
            "autoescape",
        ];
        match self.kind {
            Kind::Name => !KEYWORDS.contains(&self.text),
            Kind::Number | Kind::Text | Kind::Close => true,
            Kind::Open | Kind::Operator => false,
        }
    }
}

/// Whether a tag is a `{% block %}`.
pub(super) fn is_block(tag: &str) -> bool {
    tag.starts_with("{%")
}

/// Where the next tag or comment begins.
pub(super) fn next_tag(text: &str) -> Option<usize> {
    ["{{", "{%", "{#"]
        .iter()
        .filter_map(|tag| text.find(tag))
        .min()
}

/// Length of what opens a tag, with a sign that controls white space.
fn opening(tag: &str) -> usize {
    let sign = matches!(tag.as_bytes().get(2), Some(b'-' | b'+'));
    2 + usize::from(sign)
}

/// Length of a comment; all of `tag` where it does not end.
pub(super) fn length_of_comment(tag: &str) -> usize {
    let skip = opening(tag);
    let inside = tag.get(skip..).unwrap_or("");
    inside.find("#}").map_or(tag.len(), |end| skip + end + 2)
}

/// Length of a whole `raw` block and of what is in it; none where `tag` does not open one.
pub(super) fn length_of_raw(tag: &str) -> Option<(usize, usize)> {
    if !is_block(tag) {
        return None;
    }
    let skip = opening(tag);
    let begin = skip + plain_tag(tag.get(skip..)?, "raw", false)?;
    let mut at = begin;
    while let Some(next) = tag.get(at..)?.find("{%") {
        let end = at + next;
        at = end + 2;
        if let Some(length) = plain_tag(tag.get(at..)?, "endraw", true) {
            return Some((at + length, end - begin));
        }
    }
    Some((tag.len(), tag.len() - begin))
}

/// Length of ` name %}`, with or without a sign before the name.
fn plain_tag(text: &str, name: &str, sign: bool) -> Option<usize> {
    let blank = |c: char| c.is_ascii_whitespace();
    let mut rest = text;
    if sign {
        rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    }
    rest = rest.trim_start_matches(blank).strip_prefix(name)?;
    rest = rest.trim_start_matches(blank);
    rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    Some(text.len() - rest.strip_prefix("%}")?.len())
}

/// The tokens of a tag at the beginning of `tag`, and its length; all of it where it does not end.
pub(super) fn tokens(tag: &str) -> (Vec<Token<'_>>, usize) {
    let end = if is_block(tag) { "%}" } else { "}}" };
    let mut tokens = Vec::new();
    // Signed, as minijinja counts: a bracket too many at the end hides the end of the tag.
    let mut depth = 0_i64;
    let mut at = opening(tag);
    loop {
        let rest = tag.get(at..).unwrap_or("");
        let trimmed = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        at += rest.len() - trimmed.len();
        let Some(first) = trimmed.chars().next() else {
            return (tokens, tag.len());
        };
        if depth == 0 {
            let unsigned = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
            for ending in [unsigned, trimmed] {
                if ending.starts_with(end) {
                    return (tokens, tag.len() - ending.len() + end.len());
                }
            }
        }
        let (kind, length) = token(trimmed, first);
        depth += match kind {
            Kind::Open => 1,
            Kind::Close => -1,
            _ => 0,
        };
        tokens.push(Token {
            kind,
            text: trimmed.get(..length).unwrap_or(trimmed),
            start: at,
        });
        at += length;
    }
}

fn token(text: &str, first: char) -> (Kind, usize) {
    let run = |keep: fn(char) -> bool| text.find(|c| !keep(c)).unwrap_or(text.len());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match first {
        'a'..='z' | 'A'..='Z' | '_' => (Kind::Name, run(word)),
        '0'..='9' => (Kind::Number, run(word)),
        '\'' | '"' => (Kind::Text, string(text, first)),
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        _ => {
            let two = ["//", "**", "==", "!=", ">=", "<="];
            let double = two.iter().any(|operator| text.starts_with(operator));
            (Kind::Operator, if double { 2 } else { first.len_utf8() })
        }
    }
}

/// Length of a string with its quotes; all of `text` where it does not end.
fn string(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_end_where_their_brackets_are_closed() {
        for (tag, length) in [
            ("{{ {'a': {}} }} }}", 15),
            ("{{- '}}' -}} }}", 12),
            ("{% if \"a\\\"%}\" %}b", 16),
            ("{{ a", 4),
            ("{{ ) }} }}", 10),
            ("{%- x +%}", 9),
        ] {
            assert_eq!(tokens(tag).1, length, "{tag}");
        }
        assert_eq!(length_of_comment("{#- {{ #} #}"), 9);
        assert_eq!(length_of_comment("{#}"), 3);
        assert_eq!(
            length_of_raw("{%- raw -%} {{ {%+ endraw %}a"),
            Some((28, 4))
        );
        assert_eq!(length_of_raw("{% rawest %}"), None);
        assert_eq!(next_tag("a { {# {{"), Some(4));
    }
}
