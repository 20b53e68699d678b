//! Where in a tag values are kept or handed on: there they are weighed.
//!
//! `set`, `with`, `if`, `for` and arguments pass a call of [`KEEP`], [`STORE`] or [`EACH`].

use super::lexer::{Kind, Token};

/// Weighs a value and hands it on.
pub(super) const KEEP: &str = "__keep";
/// The same for what an attribute of a namespace becomes.
pub(super) const STORE: &str = "__store";
/// The same for what a loop goes over.
pub(super) const EACH: &str = "__each";

/// The first token with this text outside of brackets.
pub(super) fn top_level(tokens: &[Token<'_>], text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    tokens.iter().position(|token| {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && token.text == text && token.kind != Kind::Text
    })
}

/// Where in a tag calls of the weighing functions begin and end: places and what stands there.
pub(super) fn marks(tokens: &[Token<'_>], block: bool) -> Vec<(usize, String)> {
    let name = tokens.first().map_or("", |token| token.text);
    let mut whole = match block {
        true => regions(name, tokens),
        false => Vec::new(),
    };
    whole.reverse();
    // The first brackets of these hold names, not values.
    let mut parameters = block && matches!(name, "macro" | "call");
    let mut ends: Option<usize> = None;
    let mut marks = Vec::new();
    // Per open bracket: whether it holds arguments, whether these are names, whether one is open.
    let mut open: Vec<(bool, bool, bool)> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if ends == Some(index) {
            let last = index.checked_sub(1).and_then(|index| tokens.get(index));
            let place = last.map_or(token.start, |last| last.start + last.text.len());
            marks.push((place, "))".to_owned()));
            ends = None;
        }
        if let Some((start, end, function)) = whole.last().copied()
            && start == index
        {
            marks.push((token.start, format!("{function}((")));
            ends = Some(end);
            whole.pop();
        }
        let argument = |names: bool| {
            let mut first = index + 1;
            let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
            if matches!(text(first), "*" | "**") {
                first += 1;
            }
            let named = text(first + 1) == "=";
            first += if named { 2 } else { 0 };
            let place = tokens.get(first)?;
            (place.kind != Kind::Close && (named || !names)).then_some(place.start)
        };
        match token.kind {
            Kind::Open => {
                let previous = index.checked_sub(1).and_then(|index| tokens.get(index));
                let names = std::mem::take(&mut parameters) && token.text == "(" && index <= 2;
                let call =
                    token.text == "(" && (names || previous.is_some_and(Token::ends_a_value));
                let place = if call { argument(names) } else { None };
                open.push((call, names, place.is_some()));
                marks.extend(place.map(|place| (place, format!("{KEEP}("))));
            }
            Kind::Close => {
                if let Some((_, _, true)) = open.pop() {
                    marks.push((token.start, ")".to_owned()));
                }
            }
            Kind::Operator if token.text == "," => {
                if let Some((true, names, marked)) = open.last_mut() {
                    if *marked {
                        marks.push((token.start, ")".to_owned()));
                    }
                    let place = argument(*names);
                    *marked = place.is_some();
                    marks.extend(place.map(|place| (place, format!("{KEEP}("))));
                }
            }
            _ => {}
        }
    }
    if let (Some(_), Some(last)) = (ends, tokens.last()) {
        marks.push((last.start + last.text.len(), "))".to_owned()));
    }
    marks
}

/// The values of a block tag outside of brackets: first token, the one after the last, and who weighs.
fn regions(name: &str, tokens: &[Token<'_>]) -> Vec<(usize, usize, &'static str)> {
    let all = tokens.len();
    let after = |from: usize, text| {
        let rest = tokens.get(from..).unwrap_or_default();
        top_level(rest, text).map_or(all, |index| from + index)
    };
    let mut regions = match name {
        "if" | "elif" => vec![(1, all, KEEP)],
        "set" => {
            let start = after(1, "=") + 1;
            let target = tokens.get(..start).unwrap_or_default();
            let attribute = target.iter().any(|token| token.text == ".");
            vec![(start, all, if attribute { STORE } else { KEEP })]
        }
        "for" => {
            let start = after(1, "in") + 1;
            let end = after(start, "if").min(after(start, "recursive"));
            vec![(start, end, EACH)]
        }
        "with" => {
            let mut values = Vec::new();
            let mut from = 1;
            while from < all {
                let start = after(from, "=") + 1;
                from = after(start.min(all), ",");
                values.push((start, from, KEEP));
                from += 1;
            }
            values
        }
        _ => Vec::new(),
    };
    regions.retain(|(start, end, _)| start < end);
    regions
}
