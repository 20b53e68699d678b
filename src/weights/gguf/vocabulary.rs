//! The tokens in a GGUF file's metadata.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::{super::error::WeightsError, value::Metadata};

const TOKENS: &str = "tokenizer.ggml.tokens";
const TYPES: &str = "tokenizer.ggml.token_type";

/// Kinds of tokens, as llama.cpp numbers them.
const CONTROL: i64 = 3;
const USER: i64 = 4;

/// The vocabulary of a file.
pub(super) struct Vocabulary<'a> {
    pub(super) metadata: &'a Metadata,
    pub(super) tokens: &'a [String],
    types: &'a [i64],
}

impl<'a> Vocabulary<'a> {
    /// The vocabulary of a file with these metadata.
    ///
    /// # Errors
    /// There is none, or its lists differ in length.
    pub(super) fn of(metadata: &'a Metadata) -> Result<Self, WeightsError> {
        let tokens = metadata.texts(TOKENS)?;
        let tokens = tokens.ok_or_else(|| metadata.wrong(TOKENS, "a list of texts"))?;
        let types = metadata.integers(TYPES)?.unwrap_or_default();
        if !types.is_empty() && types.len() != tokens.len() {
            let expected = format!("a list of {} kinds of tokens", tokens.len());
            return Err(metadata.wrong(TYPES, expected));
        }
        Ok(Self {
            metadata,
            tokens,
            types,
        })
    }

    /// The token that a key names, with its id.
    pub(super) fn named(&self, key: &str) -> Result<Option<(u64, &'a str)>, WeightsError> {
        let key = format!("tokenizer.ggml.{key}_token_id");
        let Some(id) = self.metadata.count(&key)? else {
            return Ok(None);
        };
        let token = usize::try_from(id).ok().and_then(|id| self.tokens.get(id));
        match token {
            Some(token) => Ok(Some((id, token))),
            None => {
                let expected = format!("the number of one of {} tokens", self.tokens.len());
                Err(self.metadata.wrong(&key, expected))
            }
        }
    }

    /// Ids by token; of tokens that are there twice, the first counts.
    pub(super) fn ids(&self) -> HashMap<&'a str, usize> {
        let mut ids = HashMap::with_capacity(self.tokens.len());
        for (id, token) in self.tokens.iter().enumerate() {
            ids.entry(token.as_str()).or_insert(id);
        }
        ids
    }

    /// The tokens that are found in a text before anything else is.
    pub(super) fn added(&self) -> Vec<Value> {
        let kinds = self.types.iter().zip(self.tokens).enumerate();
        let added = kinds
            .filter(|(_, (kind, token))| matches!(**kind, CONTROL | USER) && !token.is_empty());
        let described = added.map(|(id, (kind, token))| {
            json!({
                "id": id, "content": token, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": *kind == CONTROL,
            })
        });
        described.collect()
    }

    /// What a key says that is set or not.
    pub(super) fn flag(&self, key: &str, default: bool) -> Result<bool, WeightsError> {
        let given = self.metadata.flag(&format!("tokenizer.ggml.{key}"))?;
        Ok(given.unwrap_or(default))
    }

    /// What is set around a text: its beginning, and its end.
    pub(super) fn around(&self, begins: bool) -> Result<Value, WeightsError> {
        let bos = match self.flag("add_bos_token", begins)? {
            true => self.named("bos")?,
            false => None,
        };
        let eos = match self.flag("add_eos_token", false)? {
            true => self.named("eos")?,
            false => None,
        };
        if bos.is_none() && eos.is_none() {
            return Ok(Value::Null);
        }
        let special = |token: Option<(u64, &str)>| {
            token.map(|(_, token)| json!({"SpecialToken": {"id": token, "type_id": 0}}))
        };
        let part = |name: &str| json!({"Sequence": {"id": name, "type_id": 0}});
        let sequence =
            |parts: [Option<Value>; 3]| -> Vec<Value> { parts.into_iter().flatten().collect() };
        let single = sequence([special(bos), Some(part("A")), special(eos)]);
        let mut pair = single.clone();
        pair.push(part("B"));
        let mut tokens = Map::new();
        for (id, token) in bos.into_iter().chain(eos) {
            let described = json!({"id": token, "ids": [id], "tokens": [token]});
            tokens.insert(token.to_owned(), described);
        }
        Ok(json!({
            "type": "TemplateProcessing", "single": single, "pair": pair,
            "special_tokens": tokens,
        }))
    }
}
