//! A `tokenizer.json` as the metadata of a GGUF file.

use std::{collections::HashMap, path::Path};

use serde_json::Value as Json;

use super::write::{File, Value};

/// Kinds of tokens, as llama.cpp numbers them.
const NORMAL: i32 = 1;
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER: i32 = 4;
const UNUSED: i32 = 5;
const BYTE: i32 = 6;

fn json(folder: &Path, file: &str) -> Option<Json> {
    serde_json::from_slice(&std::fs::read(folder.join(file)).ok()?).ok()
}

/// A list of numbers of four bytes.
fn list<const N: usize>(code: u32, items: impl ExactSizeIterator<Item = [u8; N]>) -> Value {
    Value::list(code, items.len() as u64, items.flatten().collect())
}

/// Writes the tokenizer in `folder`, with a row of the table of embeddings for each of `rows`.
pub fn write(file: &mut File, folder: &Path, rows: usize) {
    let tokenizer = json(folder, "tokenizer.json").unwrap();
    let config = json(folder, "tokenizer_config.json").unwrap();
    let model = &tokenizer["model"];
    let by_bytes = model["byte_fallback"].as_bool().unwrap();
    let unused = |id| (format!("[PAD{id}]"), UNUSED);
    let mut tokens: Vec<(String, i32)> = (0..rows).map(unused).collect();
    for (token, id) in model["vocab"].as_object().unwrap() {
        let kind = match token.as_str() {
            "<unk>" if by_bytes => UNKNOWN,
            byte if by_bytes && byte.starts_with("<0x") => BYTE,
            _ => NORMAL,
        };
        tokens[id.as_u64().unwrap() as usize] = (token.clone(), kind);
    }
    for added in tokenizer["added_tokens"].as_array().unwrap() {
        let content = added["content"].as_str().unwrap();
        let kind = match added["special"].as_bool() {
            _ if content == "<unk>" && by_bytes => UNKNOWN,
            Some(true) => CONTROL,
            _ => USER,
        };
        tokens[added["id"].as_u64().unwrap() as usize] = (content.to_owned(), kind);
    }
    let names: Vec<&str> = tokens.iter().map(|(token, _)| token.as_str()).collect();
    let merges = model["merges"].as_array().unwrap().iter();
    let merges: Vec<[&str; 2]> = merges
        .map(|pair| [0, 1].map(|i| pair[i].as_str().unwrap()))
        .collect();
    if by_bytes {
        // Pieces that are joined earlier have higher scores.
        let joined = merges.iter().enumerate();
        let ranks: HashMap<String, usize> = joined.map(|(at, pair)| (pair.concat(), at)).collect();
        let score = |token: &&str| -(ranks.get(*token).map_or(1e6, |rank| *rank as f32));
        let scores = names.iter().map(score).map(f32::to_le_bytes);
        file.set("tokenizer.ggml.scores", list(6, scores));
        let prefix = tokenizer["normalizer"].to_string().contains("Prepend");
        file.set(
            "tokenizer.ggml.add_space_prefix",
            Value::raw(7, vec![prefix.into()]),
        );
        file.set("tokenizer.ggml.model", Value::text("llama"));
    } else {
        let cuts = tokenizer["pre_tokenizer"].to_string();
        let pre = match () {
            () if cuts.contains("Digits") => "smollm",
            () if cuts.contains("Regex") => "qwen2",
            () => "gpt-2",
        };
        let merges: Vec<String> = merges.iter().map(|pair| pair.join(" ")).collect();
        let merges: Vec<&str> = merges.iter().map(String::as_str).collect();
        file.set("tokenizer.ggml.merges", Value::texts(&merges));
        file.set("tokenizer.ggml.pre", Value::text(pre));
        file.set("tokenizer.ggml.model", Value::text("gpt2"));
    }
    let kinds = tokens.iter().map(|(_, kind)| kind.to_le_bytes());
    file.set("tokenizer.ggml.token_type", list(5, kinds));
    file.set("tokenizer.ggml.tokens", Value::texts(&names));
    let begins = tokenizer["post_processor"]["single"].to_string();
    let begins = begins.contains("SpecialToken");
    file.set(
        "tokenizer.ggml.add_bos_token",
        Value::raw(7, vec![begins.into()]),
    );
    for (key, own) in [
        ("bos", "bos_token"),
        ("eos", "eos_token"),
        ("unknown", "unk_token"),
        ("padding", "pad_token"),
    ] {
        let id = |token: &str| names.iter().position(|name| *name == token);
        if let Some(id) = config[own].as_str().and_then(id) {
            let key = format!("tokenizer.ggml.{key}_token_id");
            file.set(&key, Value::u32(id as u32));
        }
    }
    let jinja = std::fs::read_to_string(folder.join("chat_template.jinja")).ok();
    let own = json(folder, "chat_template.json").unwrap_or_default();
    let template = own["chat_template"].as_str().map(str::to_owned);
    let within = config["chat_template"].as_str().map(str::to_owned);
    if let Some(template) = jinja.or(template).or(within) {
        file.set("tokenizer.chat_template", Value::text(&template));
    }
}
