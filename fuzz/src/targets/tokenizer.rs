//! A checkpoint's tokenizer and what its other files say of special tokens.

use std::sync::OnceLock;

use mirscope::{
    families::{self, ModelSpec},
    weights::MemorySource,
};

use super::template;
use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , true false null 0 1 "type" "model" "BPE" "Unigram" "WordPiece" "WordLevel" "vocab"
    "merges" "unk_token" "unk_id" "byte_fallback" "fuse_unk" "ignore_merges" "dropout" "added_tokens" "content" "special"
    "normalized" "lstrip" "rstrip" "single_word" "id" "normalizer" "pre_tokenizer" "post_processor" "decoder" "Sequence"
    "normalizers" "pretokenizers" "processors" "decoders" "Replace" "pattern" "Regex" "String" "Prepend" "prepend" "NFC"
    "NFKC" "Lowercase" "Strip" "Precompiled" "precompiled_charsmap" "BertNormalizer" "ByteLevel" "add_prefix_space"
    "use_regex" "Split" "behavior" "Isolated" "Removed" "MergedWithPrevious" "invert" "Digits" "individual_digits"
    "Metaspace" "replacement" "prepend_scheme" "always" "first" "never" "Whitespace" "Punctuation" "FixedLength" "length"
    "TemplateProcessing" "single" "pair" "special_tokens" "SpecialToken" "BertProcessing" "RobertaProcessing" "Fuse"
    "ByteFallback" "CTC" "WordPiece" "continuing_subword_prefix" "end_of_word_suffix" "added_tokens_decoder" "bos_token""#;

/// The files of the byte-level tokenizer.
pub fn byte_level() -> MemorySource {
    static FILES: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let read = |name: &str| seeds::file(&format!("tests/golden/prompts/byte/{name}"));
        ["tokenizer.json", "tokenizer_config.json"].map(read)
    });
    MemorySource::new("m")
        .with("tokenizer.json", files[0].clone())
        .with("tokenizer_config.json", files[1].clone())
}

/// A model with 4 tokens for an image.
pub fn spec() -> &'static ModelSpec {
    static SPEC: OnceLock<ModelSpec> = OnceLock::new();
    SPEC.get_or_init(|| {
        let config = r#"{"model_type": "llava", "image_token_index": 4,
            "vision_config": {"model_type": "clip_vision_model", "image_size": 14, "patch_size": 7},
            "text_config": {"vocab_size": 400, "max_position_embeddings": 4096}}"#;
        families::parse("config.json", config).expect("a configuration")
    })
}

pub fn run(data: &[u8]) {
    let [tokenizer, config, map, generation] = seeds::parts(data);
    let mut source = MemorySource::new("m").with("tokenizer.json", tokenizer.to_vec());
    for (name, file) in [
        ("tokenizer_config.json", config),
        ("special_tokens_map.json", map),
        ("generation_config.json", generation),
    ] {
        if !file.is_empty() {
            source.insert(name, file.to_vec());
        }
    }
    template::with(&source, "Some red words, caf\u{e9} \u{1f600} 12 <image>\n\tof 3.");
}

pub fn seeds() -> Vec<Vec<u8>> {
    let config = seeds::file("tests/golden/prompts/byte/tokenizer_config.json");
    let mut all = seeds::files(&["/tokenizer.json"]);
    // The shortest few of those that differ in more than their words.
    all.sort_by_key(Vec::len);
    all.truncate(60);
    let with_config = |file: &Vec<u8>| seeds::joined(&[file, &config, b"{}", br#"{"eos_token_id": [2]}"#]);
    let small = seeds::cut_json(all.clone(), 12);
    seeds::short(all.iter().chain(&small).map(with_config).collect())
}
