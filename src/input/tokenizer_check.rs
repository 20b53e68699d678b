//! A `tokenizer.json` is looked through before the library that reads it sees it. The file is long because every part
//! of that format has its own way to go wrong.
//!
//! The crate `tokenizers` trusts its files: a merge that is longer than any token, a post-processor
//! that names an unknown token or a table with a place outside of it end the program (in a page,
//! where nothing can be caught, the engine), and normalizers can make a text as long as they like.

use std::fmt;

use fancy_regex::{Regex, RegexBuilder};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;

use super::{charsmap, decoder_check::CheckedDecoder};

/// Parts of a normalizer, pre-tokenizer or post-processor.
pub(super) const MAX_PARTS: usize = 64;
/// Tokens that the tokenizer adds to its vocabulary, their bytes together, and those of any token.
const MAX_ADDED: usize = 1 << 18;
const MAX_ADDED_BYTES: usize = 8 << 20;
const MAX_TOKEN: usize = 4096;
/// Bytes of a token of a Unigram vocabulary, which is kept as a tree as deep as its longest token.
const MAX_UNIGRAM: usize = 512;
/// Bytes of a pattern, and of what replaces it.
pub(super) const MAX_PATTERN: usize = 4096;
/// Bytes of what is set before or behind a word.
const MAX_AFFIX: usize = 64;
/// Times as long as it was that normalizers may make a text.
pub(super) const MAX_GROWTH: usize = 256;
/// Length that a text may reach in this way, in bytes.
pub(super) const MAX_NORMALIZED: usize = 64 << 20;
/// Steps back that a pattern may take to find one match.
const MAX_STEPS: usize = 100_000;

/// Where nothing is replaced by something, the library loses the text's places.
const NOTHING_REPLACED: &str = "a normalizer that puts something in the place of nothing";

/// What is known of a tokenizer before it is loaded.
pub(super) struct Checked {
    /// Whether its BPE leaves out merges by chance.
    pub dropout: bool,
    /// Id of what a Unigram model does not know.
    pub unk_id: Option<u32>,
    /// Times as long as it was that a text may become.
    growth: usize,
    patterns: Vec<Pattern>,
    /// What becomes of tokens on their way back.
    pub decoder: CheckedDecoder,
}

/// A pattern of a normalizer, which replaces what it matches, or of a pre-tokenizer.
struct Pattern {
    regex: Regex,
    replaces: bool,
}

/// Looks through a `tokenizer.json`.
///
/// # Errors
/// What makes it unusable, as the end of a sentence.
pub(super) fn check(bytes: &[u8]) -> Result<Checked, String> {
    let file: File = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut checked = Checked {
        dropout: file.model.dropout.is_some_and(|dropout| dropout != 0.0),
        unk_id: file.model.unk_id,
        growth: 1,
        patterns: Vec::new(),
        decoder: CheckedDecoder::new(file.decoder.as_ref().unwrap_or(&Value::Null))?,
    };
    file.model.check()?;
    let added = file.added_tokens.iter().map(|added| added.content.len());
    let (count, bytes) = (added.len(), added.sum::<usize>());
    if count > MAX_ADDED || bytes > MAX_ADDED_BYTES {
        return Err(format!("{count} added tokens of {bytes} bytes together"));
    }
    for added in &file.added_tokens {
        if added.content.len() > MAX_TOKEN || added.id > u64::from(u32::MAX >> 1) {
            return Err(format!(
                "an added token of {} bytes and id {}",
                added.content.len(),
                added.id
            ));
        }
    }
    for parts in [&file.normalizer, &file.pre_tokenizer] {
        let mut count = 0;
        checked.parts(parts.as_ref().unwrap_or(&Value::Null), &mut count)?;
    }
    if checked.growth > MAX_GROWTH {
        return Err(format!(
            "normalizers that make a text more than {MAX_GROWTH} times as long"
        ));
    }
    let mut count = 0;
    post_processor(
        file.post_processor.as_ref().unwrap_or(&Value::Null),
        &mut count,
    )?;
    Ok(checked)
}

impl Checked {
    /// Checks the parts of a normalizer or a pre-tokenizer, nested or not.
    fn parts(&mut self, value: &Value, count: &mut usize) -> Result<(), String> {
        let Value::Object(part) = value else {
            if let Value::Array(parts) = value {
                return parts.iter().try_for_each(|part| self.parts(part, count));
            }
            return Ok(());
        };
        *count += 1;
        if *count > MAX_PARTS {
            return Err(format!(
                "more than {MAX_PARTS} normalizers or pre-tokenizers"
            ));
        }
        let text = |key: &str| part.get(key).and_then(Value::as_str);
        let content = text("content").or(text("prepend")).unwrap_or("");
        if content.len() > MAX_PATTERN {
            return Err(format!("a text of {} bytes to put in", content.len()));
        }
        if part.get("length").and_then(Value::as_u64) == Some(0) {
            return Err("pieces of length 0".into());
        }
        let mut growth = match text("type") {
            Some("ByteLevel") => 2,
            Some("NFD" | "NFC" | "BertNormalizer" | "Lowercase") => 3,
            // U+FDFA becomes 18 letters.
            Some("NFKD" | "NFKC") => 11,
            _ => 1,
        };
        if let Some(pattern) = part.get("pattern") {
            let (plain, length) = match pattern {
                Value::Object(pattern) => match (pattern.get("String"), pattern.get("Regex")) {
                    (Some(plain), _) => (true, plain.as_str().unwrap_or("").len()),
                    (_, Some(regex)) => {
                        let regex = regex.as_str().unwrap_or("");
                        self.pattern(regex, part.contains_key("content"))?;
                        (false, regex.len())
                    }
                    _ => (true, 0),
                },
                other => (true, other.as_str().unwrap_or("").len()),
            };
            if length > MAX_PATTERN {
                return Err(format!("a pattern of {length} bytes"));
            }
            if plain && length == 0 && part.contains_key("content") {
                return Err(NOTHING_REPLACED.into());
            }
            growth = match (plain, length) {
                (true, 1..) => content.len().div_ceil(length).max(1),
                // It may match nothing at all, so that nothing is taken away.
                _ => 1 + content.len(),
            };
        }
        match text("precompiled_charsmap") {
            Some(table) => growth = charsmap::growth(table)?,
            // The library would end at what it cannot read as a table.
            None if text("type") == Some("Precompiled") => {
                return Err("a normalizer `Precompiled` without precompiled_charsmap".into());
            }
            None => {}
        }
        self.growth = self.growth.saturating_mul(growth);
        for key in ["normalizers", "pretokenizers"] {
            self.parts(part.get(key).unwrap_or(&Value::Null), count)?;
        }
        Ok(())
    }

    fn pattern(&mut self, text: &str, replaces: bool) -> Result<(), String> {
        let regex = pattern(text)?;
        if replaces && regex.is_match("").unwrap_or(true) {
            return Err(NOTHING_REPLACED.into());
        }
        self.patterns.push(Pattern { regex, replaces });
        Ok(())
    }

    /// Checks a text before it is tokenized.
    ///
    /// # Errors
    /// It would become too long, or a pattern takes too long to match.
    pub fn text(&self, text: &str) -> Result<(), String> {
        let length = text.len().saturating_mul(self.growth);
        if self.growth > 16 && length > MAX_NORMALIZED {
            return Err(format!(
                "normalizers that may make a text {} times as long",
                self.growth
            ));
        }
        for Pattern { regex, replaces } in &self.patterns {
            for found in regex.find_iter(text) {
                let found = found
                    .map_err(|_| format!("the pattern `{}` takes too long", regex.as_str()))?;
                if *replaces && found.range().is_empty() {
                    return Err(NOTHING_REPLACED.into());
                }
            }
        }
        Ok(())
    }
}

/// A pattern within bounds.
pub(super) fn pattern(text: &str) -> Result<Regex, String> {
    if text.len() > MAX_PATTERN {
        return Err(format!("a pattern of {} bytes", text.len()));
    }
    let built = RegexBuilder::new(text).backtrack_limit(MAX_STEPS).build();
    built.map_err(|error| format!("the pattern `{text}`: {error}"))
}

/// Checks a post-processor: it may name known tokens only, and takes the text once.
fn post_processor(value: &Value, count: &mut usize) -> Result<(), String> {
    *count += 1;
    if *count > MAX_PARTS {
        return Err(format!("more than {MAX_PARTS} post-processors"));
    }
    if let Some(Value::Array(parts)) = value.get("processors") {
        return parts
            .iter()
            .try_for_each(|part| post_processor(part, count));
    }
    let Some(Value::Array(single)) = value.get("single") else {
        return Ok(());
    };
    let pair = value.get("pair").and_then(Value::as_array);
    if single.len().max(pair.map_or(0, Vec::len)) > MAX_PARTS {
        return Err(format!("a post-processor of more than {MAX_PARTS} pieces"));
    }
    let known = value.get("special_tokens").and_then(Value::as_object);
    for piece in single.iter().chain(pair.into_iter().flatten()) {
        let Some(id) = piece.pointer("/SpecialToken/id").and_then(Value::as_str) else {
            continue;
        };
        let Some(token) = known.and_then(|known| known.get(id)) else {
            return Err(format!(
                "a post-processor that names the unknown token `{id}`"
            ));
        };
        let length = |key: &str| token.get(key).and_then(Value::as_array).map(Vec::len);
        let (ids, tokens) = (length("ids"), length("tokens"));
        if ids != tokens || ids > Some(MAX_PARTS) {
            return Err(format!(
                "a post-processor whose token `{id}` has no ids of its own"
            ));
        }
    }
    let sequence = |piece: &Value| piece.pointer("/Sequence/id").cloned();
    let sequences: Vec<Value> = single.iter().filter_map(sequence).collect();
    match sequences.as_slice() {
        [Value::String(id)] if id == "A" => Ok(()),
        _ => Err("a post-processor that does not take the text once".into()),
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    added_tokens: Vec<Added>,
    normalizer: Option<Value>,
    pre_tokenizer: Option<Value>,
    post_processor: Option<Value>,
    decoder: Option<Value>,
    model: Model,
}

#[derive(Deserialize)]
struct Added {
    #[serde(default)]
    id: u64,
    content: String,
}

#[derive(Deserialize)]
struct Model {
    dropout: Option<f64>,
    unk_id: Option<u32>,
    continuing_subword_prefix: Option<String>,
    end_of_word_suffix: Option<String>,
    vocab: Vocab,
    #[serde(default)]
    merges: Vec<Merge>,
}

impl Model {
    fn check(&self) -> Result<(), String> {
        let most = if self.vocab.list {
            MAX_UNIGRAM
        } else {
            MAX_TOKEN
        };
        if self.vocab.longest > most {
            return Err(format!(
                "a token of {} bytes, more than {most}",
                self.vocab.longest
            ));
        }
        if self.vocab.largest > u64::from(u32::MAX >> 1) {
            return Err(format!("a token of id {}", self.vocab.largest));
        }
        let affix = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let prefix = affix(&self.continuing_subword_prefix);
        if prefix.max(affix(&self.end_of_word_suffix)) > MAX_AFFIX {
            return Err(format!("a prefix or suffix of more than {MAX_AFFIX} bytes"));
        }
        for Merge(left, right) in &self.merges {
            let longer = || left.len() + right.len() - prefix > self.vocab.longest;
            if !right.is_char_boundary(prefix) || left.len() > self.vocab.longest || longer() {
                return Err(format!(
                    "the merge of `{left}` and `{right}` is none of its tokens"
                ));
            }
        }
        Ok(())
    }
}

/// What a vocabulary's tokens reach: a map from token to id, or a list of tokens with their scores.
#[derive(Default)]
struct Vocab {
    list: bool,
    longest: usize,
    largest: u64,
}

impl<'de> Deserialize<'de> for Vocab {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Vocab;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocab, A::Error> {
                let mut vocab = Vocab::default();
                while let Some((token, id)) = map.next_entry::<String, u64>()? {
                    vocab.longest = vocab.longest.max(token.len());
                    vocab.largest = vocab.largest.max(id);
                }
                Ok(vocab)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vocab, A::Error> {
                let mut vocab = Vocab {
                    list: true,
                    ..Vocab::default()
                };
                while let Some((token, _)) = seq.next_element::<(String, IgnoredAny)>()? {
                    vocab.longest = vocab.longest.max(token.len());
                }
                Ok(vocab)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Two tokens that become one; as a string there is a space between them.
struct Merge(String, String);

impl<'de> Deserialize<'de> for Merge {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Merge;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("two tokens")
            }

            fn visit_str<E>(self, text: &str) -> Result<Merge, E> {
                let (left, right) = text.split_once(' ').unwrap_or((text, ""));
                // A line that says a version is no merge.
                match left {
                    "#version:" => Ok(Merge(String::new(), String::new())),
                    _ => Ok(Merge(left.into(), right.into())),
                }
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Merge, A::Error> {
                let left = seq.next_element()?.unwrap_or_default();
                let right = seq.next_element()?.unwrap_or_default();
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Merge(left, right))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
