//! Text to token ids with the checkpoint's `tokenizer.json`.

use std::{
    collections::BTreeMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde_json::{Map, Value};
use tokenizers::{AddedToken, ModelWrapper, Tokenizer as HfTokenizer};

use super::{
    error::{InputError, shown},
    special_tokens::{named, read_object},
    token_text::TokenForm,
    tokenizer_check::{Checked, check},
};
use crate::weights::{ByteSource, packaging::without_tokenizer, read_bytes};

const FILE: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
/// Largest `tokenizer.json`, in bytes; those of big vocabularies take 20 to 40 MB.
const MAX_BYTES: u64 = 512 << 20;

/// Longest special token, in bytes.
const MAX_SPECIAL: usize = 1024;

/// Token ids with the part of the text that each stands for.
pub(super) struct Encoded {
    pub ids: Vec<u32>,
    /// Byte ranges in the text; empty for tokens that stand for none of it.
    pub spans: Vec<Range<usize>>,
}

/// A tokenizer with its special tokens.
pub(super) struct Tokenizer {
    inner: HfTokenizer,
    checked: Checked,
    /// Ids of what the tokenizer does not know.
    unknown: Vec<u32>,
    special: BTreeMap<String, String>,
    /// What was changed about it.
    pub notes: Vec<String>,
    /// `tokenizer_config.json`, which may hold the chat template.
    pub config: Map<String, Value>,
}

impl Tokenizer {
    pub const FILE: &'static str = FILE;

    pub fn open(source: &dyn ByteSource) -> Result<Self, InputError> {
        let bytes =
            read_bytes(source, FILE, MAX_BYTES)?.ok_or_else(|| without_tokenizer(source))?;
        let checked = check(&bytes).map_err(failed)?;
        let mut inner = caught(|| HfTokenizer::from_bytes(&bytes))?;
        drop(bytes);
        let mut notes = Vec::new();
        if checked.dropout {
            without_dropout(&mut inner);
            notes.push(format!(
                "{FILE}: its BPE leaves out merges by chance (dropout), which was switched off"
            ));
        }
        // A prompt is never cut or padded by the tokenizer's own settings.
        inner.with_truncation(None).map_err(failed)?;
        inner.with_padding(None);
        let config = read_object(source, CONFIG)?;
        let map = read_object(source, "special_tokens_map.json")?;
        let special = named(&config, &map);
        if let Some(name) = too_long(&config, &special) {
            return Err(InputError::Tokenizer {
                file: CONFIG.into(),
                reason: format!("`{name}` has more than {MAX_SPECIAL} bytes"),
            });
        }
        add_missing(&mut inner, &config, &special)?;
        Ok(Self {
            unknown: unknown(&inner, &special, checked.unk_id),
            inner,
            checked,
            special,
            notes,
            config,
        })
    }

    /// Special tokens by name, for example `bos_token`.
    pub fn special(&self) -> &BTreeMap<String, String> {
        &self.special
    }

    /// Adds special tokens behind all others; those that are there already keep their ids.
    ///
    /// # Errors
    /// [`InputError::Tokenizer`].
    pub fn add(&mut self, tokens: &[String]) -> Result<(), InputError> {
        let added = tokens.iter();
        let added = added.map(|token| AddedToken::from(token.as_str(), true).normalized(false));
        self.inner
            .add_special_tokens(added.collect::<Vec<_>>())
            .map_err(failed)?;
        Ok(())
    }

    /// Calls the token of an id `name`, where no file says which token that is.
    pub fn name(&mut self, name: &str, id: Option<u32>) {
        if let Some(token) = id.and_then(|id| self.token(id)) {
            self.special.entry(name.to_owned()).or_insert(token);
        }
    }

    /// The token of an id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The token of an id as text, spaces included: see [`TokenForm::text`]. Ids that the tokenizer
    /// does not know, as in vocabularies that were padded, are written as `<id 570>`.
    pub fn text(&self, id: u32) -> String {
        let added = self.inner.get_added_vocabulary();
        if let Some(token) = added.simple_id_to_token(id) {
            return token;
        }
        match self.inner.id_to_token(id) {
            Some(token) => TokenForm::of(self.inner.get_decoder()).text(&token),
            None => format!("<id {id}>"),
        }
    }

    /// Whether an id stands for what the tokenizer does not know.
    pub fn is_unknown(&self, id: u32) -> bool {
        self.unknown.contains(&id)
    }

    /// Whether an id is that of a special token.
    pub fn is_special(&self, id: u32) -> bool {
        let added = self.inner.get_added_vocabulary();
        let token = added.simple_id_to_token(id);
        token.is_some_and(|token| added.is_special_token(&token))
    }

    /// What tokens say, without the special ones among them.
    ///
    /// # Errors
    /// [`InputError::Tokenizer`] where it fails, or would take too long or too much memory.
    pub fn decode(&self, ids: &[u32]) -> Result<String, InputError> {
        // Some decoders count below the first of no tokens.
        if ids.is_empty() {
            return Ok(String::new());
        }
        let tokens = ids.iter().filter_map(|id| self.token(*id));
        self.checked.decoder.tokens(tokens).map_err(failed)?;
        caught(|| self.inner.decode(ids, true))
    }

    /// Encodes a text; special tokens in it become their ids.
    ///
    /// # Errors
    /// [`InputError::Tokenizer`] where it fails, or would take too long or too much memory.
    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Encoded, InputError> {
        self.checked.text(text).map_err(failed)?;
        let encoding = caught(|| self.inner.encode(text, add_special_tokens))?;
        let offsets = encoding.get_offsets().iter();
        Ok(Encoded {
            ids: encoding.get_ids().to_vec(),
            spans: offsets.map(|&(start, end)| start..end).collect(),
        })
    }
}

fn failed(reason: impl ToString) -> InputError {
    InputError::Tokenizer {
        file: FILE.into(),
        reason: shown(&reason.to_string(), 300),
    }
}

/// The name or id of a token that is too long to be one.
fn too_long(config: &Map<String, Value>, special: &BTreeMap<String, String>) -> Option<String> {
    let named = special.iter().map(|(name, token)| (name, token.len()));
    let added = config
        .get("added_tokens_decoder")
        .and_then(Value::as_object);
    let added = added.into_iter().flatten().map(|(id, token)| {
        let content = token.get("content").and_then(Value::as_str);
        (id, content.map_or(0, str::len))
    });
    let longest = named.chain(added).find(|(_, length)| *length > MAX_SPECIAL);
    longest.map(|(name, _)| shown(name, 60))
}

/// What the library answers. Should it fail on a file that passed the check, this is told where
/// panics can be caught.
fn caught<T>(ask: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, InputError> {
    match catch_unwind(AssertUnwindSafe(ask)) {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(failed("its library broke off")),
    }
}

/// Ids of the tokens that stand for what is not in the vocabulary.
fn unknown(
    tokenizer: &HfTokenizer,
    special: &BTreeMap<String, String>,
    unk_id: Option<u32>,
) -> Vec<u32> {
    let named = match tokenizer.get_model() {
        ModelWrapper::BPE(model) => model.unk_token.clone(),
        ModelWrapper::WordPiece(model) => Some(model.unk_token.clone()),
        ModelWrapper::WordLevel(model) => Some(model.unk_token.clone()),
        ModelWrapper::Unigram(_) => None,
    };
    let tokens = named.into_iter().chain(special.get("unk_token").cloned());
    tokens
        .filter_map(|token| tokenizer.token_to_id(&token))
        .chain(unk_id)
        .collect()
}

/// With dropout every run would have other tokens.
fn without_dropout(tokenizer: &mut HfTokenizer) {
    if let ModelWrapper::BPE(model) = tokenizer.get_model() {
        let mut model = model.clone();
        model.dropout = None;
        tokenizer.with_model(model);
    }
}

/// Adds the tokens that only `tokenizer_config.json` knows, as transformers does.
fn add_missing(
    tokenizer: &mut HfTokenizer,
    config: &Map<String, Value>,
    special: &BTreeMap<String, String>,
) -> Result<(), InputError> {
    let mut missing: Vec<(u64, AddedToken)> = Vec::new();
    if let Some(Value::Object(added)) = config.get("added_tokens_decoder") {
        for (id, value) in added {
            let Some(content) = value.get("content").and_then(Value::as_str) else {
                continue;
            };
            let flag = |key: &str| value.get(key).and_then(Value::as_bool).unwrap_or(false);
            if tokenizer.token_to_id(content).is_none() {
                let token = AddedToken::from(content, flag("special"))
                    .lstrip(flag("lstrip"))
                    .rstrip(flag("rstrip"))
                    .single_word(flag("single_word"))
                    .normalized(flag("normalized"));
                missing.push((id.parse().unwrap_or(u64::MAX), token));
            }
        }
    }
    missing.sort_by_key(|(id, _)| *id);
    let (special_ones, plain): (Vec<_>, Vec<_>) = missing
        .into_iter()
        .map(|(_, token)| token)
        .partition(|token| token.special);
    tokenizer.add_tokens(plain).map_err(failed)?;
    tokenizer.add_special_tokens(special_ones).map_err(failed)?;
    let unknown: Vec<AddedToken> = special
        .values()
        .filter(|token| !token.is_empty())
        .map(|token| AddedToken::from(token.as_str(), true).normalized(false))
        .collect();
    tokenizer.add_special_tokens(unknown).map_err(failed)?;
    Ok(())
}
