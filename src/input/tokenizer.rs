//! Text to token ids with the checkpoint's `tokenizer.json`.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Map, Value};
use tokenizers::{AddedToken, Tokenizer as HfTokenizer};

use super::{
    error::InputError,
    special_tokens::{named, read_object},
    token_text::TokenForm,
};
use crate::weights::{ByteSource, packaging::without_tokenizer, read_bytes};

const FILE: &str = "tokenizer.json";
const CONFIG: &str = "tokenizer_config.json";
/// Largest `tokenizer.json`, in bytes; those of big vocabularies take 20 to 40 MB.
const MAX_BYTES: u64 = 512 << 20;

/// Token ids with the part of the text that each stands for.
pub(super) struct Encoded {
    pub ids: Vec<u32>,
    /// Byte ranges in the text; empty for tokens that stand for none of it.
    pub spans: Vec<Range<usize>>,
}

/// A tokenizer with its special tokens.
pub(super) struct Tokenizer {
    inner: HfTokenizer,
    special: BTreeMap<String, String>,
    /// `tokenizer_config.json`, which may hold the chat template.
    pub config: Map<String, Value>,
}

impl Tokenizer {
    pub const FILE: &'static str = FILE;

    pub fn open(source: &dyn ByteSource) -> Result<Self, InputError> {
        let bytes =
            read_bytes(source, FILE, MAX_BYTES)?.ok_or_else(|| without_tokenizer(source))?;
        let mut inner = HfTokenizer::from_bytes(bytes).map_err(failed)?;
        // A prompt is never cut or padded by the tokenizer's own settings.
        inner.with_truncation(None).map_err(failed)?;
        inner.with_padding(None);
        let config = read_object(source, CONFIG)?;
        let map = read_object(source, "special_tokens_map.json")?;
        let special = named(&config, &map);
        add_missing(&mut inner, &config, &special)?;
        Ok(Self {
            inner,
            special,
            config,
        })
    }

    /// Special tokens by name, for example `bos_token`.
    pub fn special(&self) -> &BTreeMap<String, String> {
        &self.special
    }

    /// The token of an id.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
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

    /// Encodes a text; special tokens in it become their ids.
    pub fn encode(&self, text: &str, add_special_tokens: bool) -> Result<Encoded, InputError> {
        let encoding = self
            .inner
            .encode(text, add_special_tokens)
            .map_err(failed)?;
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
        reason: reason.to_string(),
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
