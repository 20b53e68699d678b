//! The decoder in a `tokenizer.json` is looked through before the library sees it.
//!
//! The crate `tokenizers` expects that a decoder is valid JSON throughout; its `Strip` counts below the beginning of a
//! short token, its `BPEDecoder` and `CTC` put something between all letters where they look for nothing, and replacements
//! one after another make a text as long as they like.

use fancy_regex::Regex;
use serde_json::{Map, Value};

use super::tokenizer_check::{MAX_GROWTH, MAX_NORMALIZED, MAX_PARTS, MAX_PATTERN, pattern};

/// What is known of a decoder before it is loaded.
#[derive(Default)]
pub(super) struct CheckedDecoder {
    parts: usize,
    /// Times as long as it was that a text may become.
    growth: usize,
    patterns: Vec<Regex>,
}

impl CheckedDecoder {
    /// Looks through a decoder; `Null` where there is none.
    ///
    /// # Errors
    /// What makes it unusable, as the end of a sentence.
    pub fn new(decoder: &Value) -> Result<Self, String> {
        let mut checked = Self {
            growth: 1,
            ..Self::default()
        };
        checked.part(decoder)?;
        if checked.growth > MAX_GROWTH {
            return Err(format!(
                "decoders that make a text more than {MAX_GROWTH} times as long"
            ));
        }
        Ok(checked)
    }

    fn part(&mut self, value: &Value) -> Result<(), String> {
        let Value::Object(part) = value else {
            return Ok(());
        };
        self.parts += 1;
        if self.parts > MAX_PARTS {
            return Err(format!("more than {MAX_PARTS} decoders"));
        }
        if part.get("stop").and_then(Value::as_u64).unwrap_or(0) > 0 {
            return Err("a decoder that strips letters from the end of a token".into());
        }
        if ["suffix", "word_delimiter_token"]
            .iter()
            .any(|key| part.get(*key).and_then(Value::as_str) == Some(""))
        {
            return Err("a decoder that replaces nothing by something".into());
        }
        let growth = match part.get("pattern") {
            Some(pattern) => self.replaced(part, pattern)?,
            // A space before each token.
            None if part.contains_key("prefix") => 2,
            // U+FFFD in the place of each byte, which was six letters.
            None => 1,
        };
        self.growth = self.growth.saturating_mul(growth);
        let parts = part.get("decoders").and_then(Value::as_array);
        (parts.into_iter().flatten()).try_for_each(|part| self.part(part))
    }

    /// Times as long as it was that a text becomes where `pattern` is replaced.
    fn replaced(&mut self, part: &Map<String, Value>, pattern: &Value) -> Result<usize, String> {
        let content = part.get("content").and_then(Value::as_str);
        let content = content.map_or(0, str::len);
        if content > MAX_PATTERN {
            return Err(format!("a text of {content} bytes to put in"));
        }
        let text = |key: &str| pattern.get(key).and_then(Value::as_str);
        let plain = text("String").or(pattern.as_str());
        match (plain, text("Regex")) {
            (Some(plain), _) if plain.len() > MAX_PATTERN => {
                Err(format!("a pattern of {} bytes", plain.len()))
            }
            (Some(plain), _) if !plain.is_empty() => Ok(content.div_ceil(plain.len()).max(1)),
            (_, Some(regex)) => {
                self.patterns.push(self::pattern(regex)?);
                // It may match nothing at all, so that nothing is taken away.
                Ok(1 + content)
            }
            _ => Ok(1 + content),
        }
    }

    /// Checks tokens before they are decoded.
    ///
    /// # Errors
    /// Their text would become too long, or a pattern takes too long to match.
    pub fn tokens(&self, tokens: impl IntoIterator<Item = String>) -> Result<(), String> {
        let mut length = 0_usize;
        for token in tokens {
            length = length.saturating_add((token.len() + 1).saturating_mul(self.growth));
            if length > MAX_NORMALIZED {
                return Err(format!(
                    "decoders that may make a text {} times as long",
                    self.growth
                ));
            }
            for regex in &self.patterns {
                if regex.find_iter(&token).any(|found| found.is_err()) {
                    return Err(format!("the pattern `{}` takes too long", regex.as_str()));
                }
            }
        }
        Ok(())
    }
}
