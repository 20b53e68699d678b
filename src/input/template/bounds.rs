//! What a template may be, checked before it is compiled, and hooks for what it does.
//!
//! minijinja counts instructions, but neither how deep its parser recurses nor how large values grow
//! between two of them. So tags are read here first: what nests or joins too much is refused, each
//! value that a template keeps or hands on is weighed (see [`marks`]), and long plain text, which a
//! loop could capture over and over, is put out as a value for the same reason. Lines stay where they
//! are.

use super::{
    lexer::{Kind, Token, is_block, length_of_comment, length_of_raw, next_tag, tokens},
    marks::{marks, top_level},
};

/// Longest template, in bytes; the longest published ones have about 30,000.
pub(super) const MAX_BYTES: usize = 256 << 10;
/// Brackets within brackets in a tag.
const MAX_BRACKETS: usize = 24;
/// Blocks within blocks, an `elif` being one more.
const MAX_BLOCKS: usize = 48;
/// Operators in a tag: each may be one more level of the parsed expression.
const MAX_OPERATORS: usize = 400;
/// Operators in a tag that make a string of two.
const MAX_JOINS: usize = 64;
/// Multiplications in a tag, and the largest number that they may multiply by.
const MAX_PRODUCTS: usize = 2;
const MAX_FACTOR: u32 = 200;
/// White space in a row that stands outside of tags, and the longest `raw` block, in bytes.
const MAX_BLANK: usize = 512;
/// Plain text that is longer is put out as a value.
const LONG_TEXT: usize = 256;

/// The list of the long plain texts.
pub(super) const TEXTS: &str = "__texts";

/// A template whose values are weighed.
#[derive(Debug, Default)]
pub(super) struct Bounded {
    /// The template.
    pub source: String,
    /// Its long plain texts.
    pub texts: Vec<String>,
    /// Per open block, how many blocks it counts as.
    blocks: Vec<usize>,
    line: usize,
}

impl Bounded {
    /// Reads a template.
    ///
    /// # Errors
    /// What it has too much of, in words that go on after "but".
    pub fn new(template: &str) -> Result<Self, String> {
        if template.len() > MAX_BYTES {
            let length = template.len();
            return Err(format!("it has {length} bytes, more than {MAX_BYTES}"));
        }
        // As Jinja reads it, whatever the line ends are.
        let template = template.replace("\r\n", "\n").replace('\r', "\n");
        let mut bounded = Self {
            line: 1,
            ..Self::default()
        };
        let mut rest = template.as_str();
        while let Some(start) = next_tag(rest) {
            let (text, tag) = rest.split_at(start);
            bounded.text(text)?;
            let length = if tag.starts_with("{#") {
                let length = length_of_comment(tag);
                bounded.copy(tag.get(..length).unwrap_or(tag));
                length
            } else if let Some((length, inside)) = length_of_raw(tag) {
                if inside > MAX_BLANK {
                    return Err(bounded.at(format!("has a raw block of {inside} bytes")));
                }
                bounded.copy(tag.get(..length).unwrap_or(tag));
                length
            } else {
                bounded.tag(tag)?
            };
            rest = tag.get(length..).unwrap_or("");
        }
        bounded.text(rest)?;
        Ok(bounded)
    }

    fn at(&self, what: String) -> String {
        format!("its line {} {what}", self.line)
    }

    fn copy(&mut self, text: &str) {
        self.line += text.matches('\n').count();
        self.source.push_str(text);
    }

    /// Plain text: what is long becomes a value, but for its ends, which the tags beside it may trim.
    fn text(&mut self, text: &str) -> Result<(), String> {
        let head = text.len() - text.trim_start().len();
        let tail = text.len() - text.trim_end().len();
        if head.max(tail) > MAX_BLANK {
            let blank = head.max(tail);
            return Err(self.at(format!("has {blank} white-space characters in a row")));
        }
        // A brace before the braces of a tag would make another tag of them.
        let solid = |c: char| !c.is_whitespace() && c != '{';
        let first = text.find(solid);
        let last = text.rfind(|c: char| !c.is_whitespace());
        if let (true, Some(first), Some(last)) = (text.len() > LONG_TEXT, first, last) {
            let first = first + text[first..].chars().next().map_or(0, char::len_utf8);
            if first < last {
                let middle = &text[first..last];
                self.copy(&text[..first]);
                let lines = "\n".repeat(middle.matches('\n').count());
                let index = self.texts.len();
                self.copy(&format!("{{{{ {TEXTS}[{index}]{lines} }}}}"));
                self.texts.push(middle.to_owned());
                self.copy(&text[last..]);
                return Ok(());
            }
        }
        self.copy(text);
        Ok(())
    }

    /// A tag at the beginning of `rest`; gives its length.
    fn tag(&mut self, rest: &str) -> Result<usize, String> {
        let (tokens, length) = tokens(rest);
        check(&tokens).map_err(|reason| self.at(reason))?;
        let mut at = 0;
        if is_block(rest) {
            self.nest(&tokens)?;
        }
        for (place, mark) in marks(&tokens, is_block(rest)) {
            self.copy(rest.get(at..place).unwrap_or(""));
            self.source.push_str(&mark);
            at = place;
        }
        // `generation` marks what a model says, and always renders.
        if let (true, [only]) = (is_block(rest), tokens.as_slice()) {
            let plain = match only.text {
                "generation" => "if true",
                "endgeneration" => "endif",
                other => other,
            };
            self.copy(rest.get(at..only.start).unwrap_or(""));
            self.source.push_str(plain);
            at = only.start + only.text.len();
        }
        self.copy(rest.get(at..length).unwrap_or(""));
        Ok(length)
    }

    fn nest(&mut self, tokens: &[Token<'_>]) -> Result<(), String> {
        let name = tokens.first().map_or("", |token| token.text);
        match name {
            "set" if top_level(tokens, "=").is_some() => {}
            "for" | "if" | "with" | "set" | "macro" | "call" | "filter" | "block"
            | "autoescape" | "generation" => self.blocks.push(1),
            "elif" => {
                if let Some(block) = self.blocks.last_mut() {
                    *block += 1;
                }
            }
            name if name.starts_with("end") => {
                self.blocks.pop();
            }
            _ => {}
        }
        if self.blocks.iter().sum::<usize>() > MAX_BLOCKS {
            return Err(self.at(format!("nests more than {MAX_BLOCKS} blocks")));
        }
        Ok(())
    }
}

/// Refuses a tag that nests or joins too much.
fn check(tokens: &[Token<'_>]) -> Result<(), String> {
    let (mut depth, mut operators, mut joins, mut products) = (0_usize, 0, 0, 0);
    for (index, token) in tokens.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|index| tokens.get(index));
        match (token.kind, token.text) {
            (Kind::Open, _) => {
                depth += 1;
                operators += usize::from(previous.is_some_and(Token::ends_a_value));
            }
            (Kind::Close, _) => depth = depth.saturating_sub(1),
            (Kind::Operator, "," | ":" | "=") => {}
            (Kind::Operator, text) => {
                operators += 1;
                joins += usize::from(matches!(text, "+" | "~"));
                let binary = previous.is_some_and(Token::ends_a_value);
                if matches!(text, "*" | "**") && binary {
                    products += 1;
                    if text == "**" || !small_factor(tokens, index) {
                        return Err(format!(
                            "multiplies by something else than a number up to {MAX_FACTOR}"
                        ));
                    }
                }
            }
            (Kind::Name, "not" | "and" | "or" | "if" | "else" | "in" | "is") => operators += 1,
            (Kind::Name, name) if name.starts_with("__") => {
                return Err(format!(
                    "uses the name `{}`",
                    name.get(..40).unwrap_or(name)
                ));
            }
            _ => {}
        }
        if depth > MAX_BRACKETS {
            return Err(format!("nests more than {MAX_BRACKETS} brackets"));
        }
        if operators > MAX_OPERATORS || joins > MAX_JOINS || products > MAX_PRODUCTS {
            return Err("has a tag of too many operators".into());
        }
    }
    Ok(())
}

/// Whether one of the operands beside a `*` is no more than a small number.
fn small_factor(tokens: &[Token<'_>], times: usize) -> bool {
    let number = |index: usize| {
        let token = tokens.get(index)?;
        (token.kind == Kind::Number).then_some(())?;
        token.text.parse::<u32>().ok()
    };
    let small = |index| number(index).is_some_and(|factor| factor <= MAX_FACTOR);
    // The number must not be a part of a larger operand.
    let apart = |token: Option<&Token<'_>>| {
        token.is_none_or(|token| match token.kind {
            Kind::Operator => matches!(token.text, "," | ":" | "=" | "+" | "-" | "~"),
            Kind::Name => !token.ends_a_value(),
            Kind::Open | Kind::Close => true,
            _ => false,
        })
    };
    let before = times.checked_sub(1).is_some_and(|index| {
        let outside = index.checked_sub(1).and_then(|index| tokens.get(index));
        small(index) && apart(outside) && outside.is_none_or(|token| token.kind != Kind::Close)
    });
    let outside = tokens.get(times + 2);
    let after =
        small(times + 1) && apart(outside) && outside.is_none_or(|token| token.kind != Kind::Open);
    before || after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(template: &str) -> String {
        Bounded::new(template).unwrap().source
    }

    #[test]
    fn what_is_kept_or_handed_on_is_weighed() {
        for (template, expected) in [
            ("{{ a.b[0] | f }}", "{{ a.b[0] | f }}"),
            ("{%- set a = 1, 2 -%}", "{%- set a = __keep((1, 2)) -%}"),
            ("{% set n.a = [b] %}", "{% set n.a = __store(([b])) %}"),
            ("{% set a %}{% endset %}", "{% set a %}{% endset %}"),
            (
                "{% for a, b in c.d() if b %}",
                "{% for a, b in __each((c.d())) if b %}",
            ),
            ("{% if a and (b) %}", "{% if __keep((a and (b))) %}"),
            (
                "{{ f(a, b=c, *d, **e) | g('x)', [y]) }}",
                "{{ f(__keep(a), b=__keep(c), *__keep(d), **__keep(e)) | g(__keep('x)'), __keep([y])) }}",
            ),
            (
                "{% macro f(a, b=[]) %}{% call(x) f(1) %}",
                "{% macro f(a, b=__keep([])) %}{% call(x) f(__keep(1)) %}",
            ),
            (
                "{% with a = 1, b = f() %}",
                "{% with a = __keep((1)), b = __keep((f())) %}",
            ),
            (
                "{% raw %}{{ f(a) }}{% endraw %}",
                "{% raw %}{{ f(a) }}{% endraw %}",
            ),
            ("{# {{ f(a) }} #}", "{# {{ f(a) }} #}"),
            ("a\r\nb\rc", "a\nb\nc"),
        ] {
            assert_eq!(source(template), expected);
        }
    }

    #[test]
    fn generation_tags_keep_their_white_space_control() {
        assert_eq!(
            source("a{%- generation %}b{% endgeneration -%} c"),
            "a{%- if true %}b{% endif -%} c"
        );
        assert_eq!(source("no tags, {% open"), "no tags, {% open");
    }

    #[test]
    fn long_text_becomes_a_value_but_for_its_ends() {
        let text = format!(" \n{{a{}\n\nz \n", "b".repeat(300));
        let bounded = Bounded::new(&text).unwrap();
        assert_eq!(bounded.source, " \n{a{{ __texts[0]\n\n }}z \n");
        assert_eq!(bounded.texts, [format!("{}\n\n", "b".repeat(300))]);
    }

    #[test]
    fn what_nests_or_grows_is_refused() {
        let deep =
            |open: &str, close: &str| format!("{{{{ {}1{} }}}}", open.repeat(30), close.repeat(30));
        for template in [
            "x".repeat(MAX_BYTES + 1),
            deep("(", ")"),
            deep("[", "]"),
            deep("f(", ")"),
            format!("{{{{ {}a }}}}", "not ".repeat(500)),
            format!("{{{{ {}a ", "-".repeat(500)),
            format!("{{{{ a{} }}}}", ".b".repeat(500)),
            format!("{{{{ a{} }}}}", " ~ b".repeat(100)),
            "{% if a %}".repeat(60),
            format!("{{% if a %}}{}", "{% elif b %}".repeat(60)),
            "{{ 'x' * 1000000 }}".into(),
            "{{ 'x' * n }}".into(),
            "{{ 'x' * 9 ** 9 }}".into(),
            "{{ 9 ** 9 * 'x' }}".into(),
            "{{ 'x' * 9 * 9 * 9 }}".into(),
            "{{ 'x' * 5 | replace('5', '500000') | int }}".into(),
            "{{ x[9] * n }}".into(),
            "{% set __keep = 1 %}".into(),
            format!("a{}b", "{% x %}".to_owned() + &" ".repeat(2000)),
            format!("{{% raw %}}{}{{% endraw %}}", "x".repeat(2000)),
        ] {
            let shown: String = template.chars().take(60).collect();
            let error = Bounded::new(&template).map(|bounded| bounded.source);
            assert!(error.is_err(), "{shown}");
        }
        for template in ["{{ '-' * 40 }}", "{{ 2 * n + 1 }}", "{{ f(*a) * 3 }}"] {
            assert!(Bounded::new(template).is_ok(), "{template}");
        }
    }
}
