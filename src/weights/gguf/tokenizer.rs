//! The tokenizer in a GGUF file's metadata, as the files of Hugging Face's library.

use serde_json::{Map, Value, json};

use super::{super::error::WeightsError, pieces, value::Metadata, vocabulary::Vocabulary};

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const MERGES: &str = "tokenizer.ggml.merges";

/// What begins a pre-tokenizer that cuts by a pattern.
const GPT_2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA_3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN_2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// How a text is cut into words before bytes are joined to tokens.
#[derive(Clone, Copy)]
enum Cut {
    /// By a pattern.
    Pattern(&'static str),
    /// Each digit by itself, then by GPT-2's pattern.
    Digits,
}

/// `tokenizer.json`.
///
/// # Errors
/// A kind of tokenizer that is not known, or lists that contradict each other.
pub(super) fn tokenizer(metadata: &Metadata) -> Result<Value, WeightsError> {
    let vocabulary = Vocabulary::of(metadata)?;
    let kind = metadata.text(MODEL)?.unwrap_or_default();
    match kind {
        "gpt2" => bytes(&vocabulary),
        "llama" => text_pieces(&vocabulary),
        other => Err(WeightsError::Unsupported {
            file: metadata.file.clone(),
            field: MODEL.into(),
            found: other.chars().take(40).collect(),
            supported: "gpt2, llama".into(),
        }),
    }
}

/// Byte pairs, as GPT-2 has them.
fn bytes(vocabulary: &Vocabulary<'_>) -> Result<Value, WeightsError> {
    let metadata = vocabulary.metadata;
    let (cut, whole_words, begins) = cut(metadata)?;
    let merges = metadata.texts(MERGES)?;
    let merges = merges.ok_or_else(|| metadata.wrong(MERGES, "a list of texts"))?;
    let by_bytes = |with_pattern: bool| {
        json!({
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": with_pattern,
        })
    };
    let cuts = match cut {
        Cut::Pattern(GPT_2) => by_bytes(true),
        Cut::Pattern(pattern) => json!({"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false},
            by_bytes(false),
        ]}),
        Cut::Digits => json!({"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": true},
            by_bytes(true),
        ]}),
    };
    let normalizer = match cut {
        Cut::Pattern(QWEN_2) => json!({"type": "NFC"}),
        _ => Value::Null,
    };
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": vocabulary.added(),
        "normalizer": normalizer,
        "pre_tokenizer": cuts,
        "post_processor": vocabulary.around(begins)?,
        "decoder": by_bytes(true),
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "fuse_unk": false,
            "byte_fallback": false, "ignore_merges": whole_words,
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "vocab": vocabulary.ids(), "merges": merges,
        },
    }))
}

/// How the tokenizer cuts, whether words that are tokens are taken whole, and whether a text gets a beginning
/// where nothing is said about it.
fn cut(metadata: &Metadata) -> Result<(Cut, bool, bool), WeightsError> {
    let named = metadata.text(PRE)?.unwrap_or("default");
    Ok(match named {
        "gpt-2" | "gpt2" | "default" => (Cut::Pattern(GPT_2), false, false),
        "smollm" | "starcoder" | "refact" | "command-r" => (Cut::Digits, false, false),
        "llama3" | "llama-v3" | "llama-bpe" => (Cut::Pattern(LLAMA_3), true, true),
        "qwen2" | "deepseek-r1-qwen" => (Cut::Pattern(QWEN_2), false, false),
        other => {
            return Err(WeightsError::Unsupported {
                file: metadata.file.clone(),
                field: PRE.into(),
                found: other.chars().take(40).collect(),
                supported: "gpt-2, smollm, starcoder, refact, command-r, llama-bpe, qwen2".into(),
            });
        }
    })
}

/// Pieces of text with scores, as SentencePiece has them.
fn text_pieces(vocabulary: &Vocabulary<'_>) -> Result<Value, WeightsError> {
    let merges = pieces::merges(vocabulary)?;
    let prefix = vocabulary.flag("add_space_prefix", true)?;
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": "\u{2581}"});
    let normalizer = match prefix {
        true => json!({"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "\u{2581}"},
            spaces,
        ]}),
        false => spaces,
    };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "\u{2581}"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if prefix {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let unknown = vocabulary.named("unknown")?;
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": vocabulary.added(),
        "normalizer": normalizer,
        "pre_tokenizer": null,
        "post_processor": vocabulary.around(true)?,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE", "dropout": null, "unk_token": unknown.map(|(_, token)| token),
            "fuse_unk": true, "byte_fallback": true, "ignore_merges": false,
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "vocab": vocabulary.ids(), "merges": merges,
        },
    }))
}

/// `tokenizer_config.json`: special tokens by name, and the chat template.
///
/// # Errors
/// A named token is not in the vocabulary.
pub(super) fn tokenizer_config(metadata: &Metadata) -> Result<Value, WeightsError> {
    let vocabulary = Vocabulary::of(metadata)?;
    let mut config = Map::new();
    for (name, key) in [
        ("bos_token", "bos"),
        ("eos_token", "eos"),
        ("unk_token", "unknown"),
        ("pad_token", "padding"),
    ] {
        if let Some((_, token)) = vocabulary.named(key)? {
            config.insert(name.into(), json!(token));
        }
    }
    if let Some(template) = metadata.text("tokenizer.chat_template")? {
        config.insert("chat_template".into(), json!(template));
    }
    Ok(Value::Object(config))
}

/// `generation_config.json`: the tokens that end an answer.
///
/// # Errors
/// As [`tokenizer_config`].
pub(super) fn generation_config(metadata: &Metadata) -> Result<Value, WeightsError> {
    let vocabulary = Vocabulary::of(metadata)?;
    let mut ends = Vec::new();
    for key in ["eos", "eot", "eom"] {
        if let Some((id, _)) = vocabulary.named(key)?
            && !ends.contains(&id)
        {
            ends.push(id);
        }
    }
    let mut config = Map::new();
    if let Some((id, _)) = vocabulary.named("bos")? {
        config.insert("bos_token_id".into(), json!(id));
    }
    if !ends.is_empty() {
        config.insert("eos_token_id".into(), json!(ends));
    }
    Ok(Value::Object(config))
}
