//! Special tokens by name, from `tokenizer_config.json` and `special_tokens_map.json`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::InputError;
use crate::weights::{ByteSource, fields::parse_object, read_text};

const MAX_JSON: u64 = 64 << 20;

/// The JSON object in `file`, empty where there is no such file.
pub(super) fn read_object(
    source: &dyn ByteSource,
    file: &str,
) -> Result<Map<String, Value>, InputError> {
    match read_text(source, file, MAX_JSON)? {
        None => Ok(Map::new()),
        Some(text) => Ok(parse_object(file, &text)?),
    }
}

/// A token written as a string, or as an object with its `content`.
fn content(value: &Value) -> Option<&str> {
    value
        .as_str()
        .or_else(|| value.get("content").and_then(Value::as_str))
}

/// Names such as `bos_token` with the tokens behind them; what `config` says goes before `map`.
pub(super) fn named(
    config: &Map<String, Value>,
    map: &Map<String, Value>,
) -> BTreeMap<String, String> {
    let mut tokens = BTreeMap::new();
    let mut add = |name: &str, value: &Value| {
        if let (true, Some(token)) = (name.ends_with("_token"), content(value)) {
            tokens
                .entry(name.to_owned())
                .or_insert_with(|| token.to_owned());
        }
    };
    for source in [config, map] {
        source.iter().for_each(|(name, value)| add(name, value));
        // Tokens of a model's own, such as `image_token`, may be grouped.
        for group in ["extra_special_tokens", "model_specific_special_tokens"] {
            if let Some(Value::Object(extra)) = source.get(group) {
                extra.iter().for_each(|(name, value)| add(name, value));
            }
        }
    }
    tokens
}
