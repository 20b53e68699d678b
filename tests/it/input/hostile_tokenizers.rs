//! Tokenizers that break or lead astray the library that reads them.

use mirscope::{
    input::PromptBuilder,
    weights::{ByteSource, MemorySource},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    hostile::tried,
    prompts::{OfFour, config, tokenizer},
};
use crate::golden;

/// The byte-level tokenizer's file after a change.
fn changed(change: impl FnOnce(&mut Value)) -> MemorySource {
    let path = golden::root().join("prompts/byte/tokenizer.json");
    let mut file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut file);
    tokenizer("byte").with("tokenizer.json", file.to_string().into_bytes())
}

fn replace(pattern: Value, content: &str) -> Value {
    json!({"type": "Replace", "pattern": pattern, "content": content})
}

fn sequence(parts: Vec<Value>) -> Value {
    json!({"type": "Sequence", "normalizers": parts})
}

fn set(key: &'static str, value: Value) -> MemorySource {
    changed(|file| file[key] = value)
}

/// A table in base 64 of bytes.
fn table(bytes: &[u8]) -> Value {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let all = chunk
            .iter()
            .chain([&0; 3])
            .take(3)
            .fold(0, |a, b| a << 8 | u32::from(*b));
        for place in 0..4 {
            let six = all >> (18 - 6 * place) & 63;
            text.push(if place <= chunk.len() {
                LETTERS[six as usize] as char
            } else {
                '='
            });
        }
    }
    json!({"type": "Precompiled", "precompiled_charsmap": text})
}

#[test]
fn tokenizers_that_break_their_library_are_refused_by_name() {
    let double = || replace(json!({"String": "e"}), "ee");
    let post = |single: Value, tokens: Value| json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": tokens});
    let a = json!({"Sequence": {"id": "A", "type_id": 0}});
    let special = json!({"SpecialToken": {"id": "<none>", "type_id": 0}});
    let units = |units: &[u32], rest: &[u8]| {
        let mut bytes = (4 * units.len() as u32).to_le_bytes().to_vec();
        units
            .iter()
            .for_each(|unit| bytes.extend(unit.to_le_bytes()));
        bytes.extend(rest);
        table(&bytes)
    };
    let long = |length: usize| "x".repeat(length);
    let cases = [
        (
            "no tokenizer",
            tokenizer("byte").with("tokenizer.json", b"[1]".to_vec()),
        ),
        ("doubling", set("normalizer", sequence(vec![double(); 60]))),
        (
            "many parts",
            set("normalizer", sequence(vec![json!({"type": "NFC"}); 1000])),
        ),
        (
            "growing",
            set("normalizer", replace(json!({"String": "e"}), &long(3000))),
        ),
        (
            "growing at nothing",
            set("normalizer", replace(json!({"Regex": ""}), &long(3000))),
        ),
        (
            "huge content",
            set(
                "normalizer",
                replace(json!({"String": "e"}), &long(1 << 20)),
            ),
        ),
        (
            "huge prefix",
            set(
                "normalizer",
                json!({"type": "Prepend", "prepend": long(1 << 20)}),
            ),
        ),
        (
            "bytes of bytes",
            set(
                "pre_tokenizer",
                json!({"type": "Sequence", "pretokenizers":
            vec![json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}); 40]}),
            ),
        ),
        ("no table", set("normalizer", table(&[]))),
        ("an empty trie", set("normalizer", units(&[], b""))),
        (
            "a table cut off",
            set("normalizer", table(&[255, 255, 0, 0, 1, 2, 3, 4])),
        ),
        (
            "a place outside",
            set("normalizer", units(&[u32::MAX >> 1; 4], b"a\0")),
        ),
        (
            "junk",
            set(
                "normalizer",
                units(&[0x1234_5678, 0x0bad_cafe, 0xdead_beef], b"\xff\xfe"),
            ),
        ),
        (
            "empty pieces",
            set("pre_tokenizer", json!({"type": "FixedLength", "length": 0})),
        ),
        (
            "an unknown token",
            set("post_processor", post(json!([a, special]), json!({}))),
        ),
        (
            "no ids",
            set(
                "post_processor",
                post(
                    json!([a, special]),
                    json!({"<none>": {"id": "<none>", "ids": [1, 2, 3], "tokens": []}}),
                ),
            ),
        ),
        (
            "a second text",
            set(
                "post_processor",
                post(
                    json!([a, {"Sequence": {"id": "B", "type_id": 0}}]),
                    json!({}),
                ),
            ),
        ),
        (
            "the text twice",
            set("post_processor", post(json!([a, a]), json!({}))),
        ),
        ("no text", set("post_processor", post(json!([]), json!({})))),
        (
            "a long merge",
            changed(|file| file["model"]["merges"] = json!([[long(900), "e"]])),
        ),
        (
            "a merge of the longest",
            changed(|file| {
                let vocab = file["model"]["vocab"].as_object().unwrap();
                let longest = vocab.keys().max_by_key(|key| key.len()).unwrap().clone();
                file["model"]["merges"] = json!([[longest, longest]]);
            }),
        ),
        (
            "a short merge",
            changed(|file| {
                file["model"]["continuing_subword_prefix"] = json!("####");
                file["model"]["merges"] = json!([["e", "e"]]);
            }),
        ),
        (
            "a long affix",
            changed(|file| file["model"]["end_of_word_suffix"] = json!(long(1 << 16))),
        ),
        (
            "a large id",
            changed(|file| file["model"]["vocab"]["\u{2603}"] = json!(u32::MAX)),
        ),
        (
            "a negative id",
            changed(|file| file["model"]["vocab"]["\u{2603}"] = json!(-1)),
        ),
        (
            "a long added token",
            changed(|file| file["added_tokens"][6]["content"] = json!(long(1 << 20))),
        ),
        (
            "a wrong pattern",
            set("normalizer", replace(json!({"Regex": "(((("}), "")),
        ),
        (
            "a long pattern",
            set(
                "normalizer",
                replace(json!({"Regex": "(a|".repeat(5000)}), ""),
            ),
        ),
        (
            "a deep token",
            changed(
                |file| file["model"] = json!({"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], [long(1 << 20), -1.0]]}),
            ),
        ),
        (
            "no unknown",
            changed(|file| {
                file["model"] = json!({"type": "Unigram", "unk_id": 9, "vocab": [["<unk>", 0.0]]})
            }),
        ),
        (
            "everything lost",
            changed(|file| file["normalizer"] = replace(json!({"Regex": "[a-zA-Z.]"}), "")),
        ),
        (
            "everything unknown",
            changed(
                |file| file["model"] = json!({"type": "WordLevel", "unk_token": "<unk>", "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<image>": 4}}),
            ),
        ),
        (
            "backtracking",
            set(
                "pre_tokenizer",
                json!({"type": "Split", "behavior": "Isolated", "invert": false,
            "pattern": {"Regex": "(?:(?=(.))(?:\\1|.))+9"}}),
            ),
        ),
        (
            "no table at all",
            set("normalizer", json!({"type": "Precompiled"})),
        ),
        (
            "a table that is no text",
            set(
                "normalizer",
                json!({"type": "Precompiled", "precompiled_charsmap": 7}),
            ),
        ),
        (
            "a table that is not padded",
            set(
                "normalizer",
                json!({"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAA"}),
            ),
        ),
        (
            "half a letter in the decoder",
            tokenizer("byte").with(
                "tokenizer.json",
                set("decoder", json!({"type": "half"}))
                    .read("tokenizer.json")
                    .map(|file| String::from_utf8(file).unwrap().replace("half", "\\ud800"))
                    .unwrap()
                    .into_bytes(),
            ),
        ),
        (
            "stripped ends",
            set(
                "decoder",
                json!({"type": "Strip", "content": "e", "start": 1, "stop": 1}),
            ),
        ),
        (
            "decoders that double",
            set(
                "decoder",
                json!({"type": "Sequence", "decoders": vec![double(); 60]}),
            ),
        ),
        (
            "decoders that find nothing",
            set("decoder", json!({"type": "BPEDecoder", "suffix": ""})),
        ),
        (
            "many decoders",
            set(
                "decoder",
                json!({"type": "Sequence", "decoders": vec![json!({"type": "Fuse"}); 1000]}),
            ),
        ),
        (
            "a wrong pattern of a decoder",
            set("decoder", replace(json!({"Regex": "(((("}), "")),
        ),
        (
            "deep",
            tokenizer("byte").with(
                "tokenizer.json",
                format!(
                    "{{\"normalizer\":{}",
                    "{\"type\":\"Sequence\",\"normalizers\":[".repeat(9000)
                )
                .into_bytes(),
            ),
        ),
    ];
    let mut wrong = Vec::new();
    for (what, source) in cases {
        match tried(source) {
            Err(error) if error.to_string().contains("broke off") => wrong.push(what.into()),
            Err(error) if error.to_string().starts_with("tokenizer.json: ") => {
                let error = error.to_string();
                if error.len() > 600 || error.contains(char::is_control) {
                    wrong.push(format!("{what}: {error}"));
                }
            }
            other => wrong.push(format!("{what}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn special_tokens_are_short() {
    for config in [
        json!({"image_token": "x".repeat(1 << 20)}),
        json!({"bos_token": {"content": "x".repeat(1 << 20)}}),
        json!({"added_tokens_decoder": {"9": {"content": "x".repeat(1 << 20)}}}),
    ] {
        let config = config.to_string().into_bytes();
        let source = tokenizer("byte").with("tokenizer_config.json", config);
        let error = tried(source).unwrap_err().to_string();
        assert!(error.starts_with("tokenizer_config.json: "), "{error}");
        assert!(error.contains("more than 1024 bytes"), "{error}");
    }
}

#[test]
fn dropout_is_switched_off_and_losses_are_told() {
    let open = |source: MemorySource| PromptBuilder::open(&source, &config(4096)).unwrap();
    let pair = |source| {
        open(source)
            .pair_of_four("t", "A small red house.")
            .unwrap()
    };
    let plain = pair(tokenizer("byte"));
    let dropping = || changed(|file| file["model"]["dropout"] = json!(0.5));
    for _ in 0..5 {
        assert_eq!(pair(dropping()).input_ids, plain.input_ids);
    }
    let notes = open(dropping()).notes();
    assert!(
        notes.len() == 1 && notes[0].contains("dropout"),
        "{notes:?}"
    );
    assert!(open(tokenizer("byte")).notes().is_empty());
    // Cutting and padding are not the tokenizer's.
    let padded = changed(|file| {
        file["truncation"] =
            json!({"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0});
        file["padding"] = json!({"strategy": {"Fixed": 4_000_000_000_u64}, "direction": "Right",
            "pad_to_multiple_of": null, "pad_id": 3, "pad_type_id": 0, "pad_token": "<pad>"});
    });
    assert_eq!(pair(padded).input_ids, plain.input_ids);
    // All but the vowels is unknown.
    let vowels = json!({"type": "BPE", "unk_token": "<unk>", "merges": [], "vocab": {
        "<unk>": 0, "<s>": 1, "</s>": 2, "<image>": 4, "a": 7, "e": 8, "o": 9, "u": 10,
    }});
    let lossy = pair(changed(|file| file["model"] = vowels));
    let notes = lossy.notes;
    assert!(
        notes.len() == 1 && notes[0].contains("knows only"),
        "{notes:?}"
    );
}

/// Changes one value somewhere in a file.
fn mutate(value: &mut Value, path: &[prop::sample::Index], to: &Value) {
    let Some((index, rest)) = path.split_first() else {
        *value = to.clone();
        return;
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let index = index.index(items.len());
            mutate(&mut items[index], rest, to);
        }
        Value::Object(items) if !items.is_empty() => {
            let key = items.keys().nth(index.index(items.len())).unwrap().clone();
            mutate(&mut items[&key], rest, to);
        }
        other => *other = to.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is changed about a tokenizer's file, there is a prompt or an error.
    #[test]
    fn changed_tokenizers_never_panic(
        name in prop::sample::select(vec!["byte", "llama"]),
        path in prop::collection::vec(any::<prop::sample::Index>(), 1..6),
        to in prop::sample::select(vec![
            json!(null), json!(0), json!(-1), json!(u32::MAX), json!(1.5), json!(""), json!("<s>"),
            json!("e"), json!("\u{2581}"), json!("ee"), json!([]), json!({}), json!(true), json!(["e", "e"]),
            json!({"type": "Strip", "strip_left": true, "strip_right": true}),
            json!({"type": "Split", "pattern": {"Regex": ""}, "behavior": "MergedWithNext", "invert": true}),
            json!({"type": "Replace", "pattern": {"String": ""}, "content": "\u{e9}"}),
            json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                "strip_accents": true, "lowercase": true}),
            json!({"type": "Metaspace", "replacement": "\u{1f600}", "prepend_scheme": "always", "split": true}),
            json!({"type": "FixedLength", "length": 1}),
            json!({"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": true,
                "add_prefix_space": true}),
        ]),
    ) {
        let path_of = golden::root().join("prompts").join(name).join("tokenizer.json");
        let mut file: Value = serde_json::from_slice(&std::fs::read(path_of).unwrap()).unwrap();
        mutate(&mut file, &path, &to);
        let source = tokenizer(name).with("tokenizer.json", file.to_string().into_bytes());
        let tried = PromptBuilder::open(&source, &config(4096)).and_then(|builder| {
            builder.document_of_four("d", &["A caf\u{e9} \u{1f600} <s>.", " \u{4e00}e\u{301}  x"])
        });
        // A panic would be caught here, but not in a page.
        if let Err(error) = tried {
            prop_assert!(!error.to_string().contains("broke off"), "{}", error);
        }
    }
}
