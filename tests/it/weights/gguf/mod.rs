//! GGUF files: what they hold, and those that are damaged.

mod convert;
mod damaged;
mod golden;
mod speed;
mod states;
mod tokens;
mod vision;
mod write;

use std::sync::Arc;

use mirscope::{
    model::Checkpoint,
    weights::{MemorySource, StorageType, WeightsError, gguf::GgufSource},
};
use serde_json::Value as Json;

use write::{File, Value};

/// A small LLaVA of the golden ones as llama.cpp's converters write it: its decoder's file and its vision part's.
pub fn llava_files() -> [Vec<u8>; 2] {
    vision::llava().map(|file| file.bytes())
}

/// The checkpoint in a folder with this one file.
fn open(bytes: Vec<u8>) -> Result<Checkpoint, WeightsError> {
    Checkpoint::open(Arc::new(MemorySource::new("m").with("a.gguf", bytes)))
}

/// A file that is written for the folder of the checkpoint.
fn written(checkpoint: &Checkpoint, file: &str) -> Json {
    serde_json::from_slice(&checkpoint.source().read(file).unwrap()).unwrap()
}

#[test]
fn a_file_is_a_checkpoint() {
    let checkpoint = open(File::llama().bytes()).unwrap();
    let spec = &checkpoint.spec;
    assert_eq!(spec.architecture, "LlamaForCausalLM");
    assert_eq!((spec.text.hidden_size, spec.text.vocab_size), (32, 4));
    assert_eq!(spec.text.head_dim, 16);
    assert!(spec.text.tie_word_embeddings && !spec.text.attention_bias);
    assert_eq!(spec.text.rms_norm_eps, 1e-5);
    assert_eq!(checkpoint.unused().count(), 0);
    let table = checkpoint
        .info("language_model.embed_tokens.weight")
        .unwrap();
    assert_eq!(table.storage().map(StorageType::name), Some("q8_0"));
    assert_eq!((table.elements(), table.bytes()), (128, 4 * 34));
    assert_eq!(checkpoint.source().name(), "m/a.gguf");
    let tokenizer = written(&checkpoint, "tokenizer_config.json");
    assert_eq!(tokenizer["eos_token"], "<end>");
    let ends = written(&checkpoint, "generation_config.json");
    assert_eq!(ends["eos_token_id"], serde_json::json!([3]));
}

#[test]
fn rows_of_rotary_pairs_are_parted_again() {
    let mut file = File::llama();
    // Each row of Q4_0 is known by its scale's lower byte.
    let rows = file.tensor("blk.0.attn_q.weight").data.chunks_exact_mut(18);
    rows.enumerate()
        .for_each(|(row, bytes)| bytes[0] = row as u8);
    let checkpoint = open(file.bytes()).unwrap();
    let name = "language_model.layers.0.self_attn.q_proj.weight";
    let read = checkpoint.tensor(name, &[32, 32]).unwrap();
    let found: Vec<u8> = read.bytes.chunks_exact(18).map(|row| row[0]).collect();
    let head = |first: u8| (0..16).map(move |row| first + row % 8 * 2 + row / 8);
    assert_eq!(found, head(0).chain(head(16)).collect::<Vec<_>>());
    // Rows by themselves, from the middle of one head to that of the next.
    let part = checkpoint.info(name).unwrap().read_rows(5..20).unwrap();
    assert_eq!(part.bytes, read.bytes[5 * 18..20 * 18]);
}

#[test]
fn a_folder_has_one_model() {
    let bytes = File::llama().bytes();
    let folder = |names: &[&str]| {
        let mut source = MemorySource::new("m");
        names
            .iter()
            .for_each(|name| source.insert(*name, bytes.clone()));
        Checkpoint::open(Arc::new(source)).map_err(|error| error.to_string())
    };
    assert!(folder(&["README.md", "x.GGUF"]).is_ok());
    let error = folder(&["a.gguf", "b.gguf"]).unwrap_err();
    assert!(
        error.contains("name the file, for example m/a.gguf"),
        "{error}"
    );
    let error = folder(&["mmproj-a.gguf"]).unwrap_err();
    assert!(
        error.contains("only its vision part, mmproj-a.gguf"),
        "{error}"
    );
    // One of several, by its name.
    let source = MemorySource::new("m")
        .with("a.gguf", bytes.clone())
        .with("b.gguf", vec![0; 9]);
    let source = GgufSource::open(Arc::new(source), "a.gguf").unwrap();
    assert!(Checkpoint::open(Arc::new(source)).is_ok());
}

#[test]
fn what_is_not_supported_is_named() {
    type Change = fn(&mut File);
    let cases: [(Change, &[&str]); 12] = [
        (|file| file.version = 1, &["version 1", "version 2 or 3"]),
        (|file| file.version = 3_u32.swap_bytes(), &["big-endian"]),
        (|file| file.version = 9, &["version 9"]),
        (
            |file| {
                file.set("split.count", Value::u32(3));
            },
            &["split.count", "3 files", "llama-gguf-split --merge"],
        ),
        (
            |file| {
                file.set("general.architecture", Value::text("mamba"));
            },
            &["mamba", "llama, qwen2, qwen3, qwen2vl, gemma3"],
        ),
        (
            |file| {
                file.set("general.architecture", Value::text("clip"));
            },
            &["mmproj", "name the model's own file"],
        ),
        (
            |file| file.tensor("blk.0.ffn_up.weight").code = 20,
            &["mlp.up_proj.weight", "IQ4_NL", "Q4_K"],
        ),
        (
            |file| {
                file.without("llama.block_count");
            },
            &["llama.block_count", "absent"],
        ),
        (
            |file| {
                file.set("llama.rope.dimension_count", Value::u32(8));
            },
            &[
                "llama.rope.dimension_count",
                "the width of a head (16)",
                "8",
            ],
        ),
        (
            |file| {
                file.set("llama.rope.scaling.type", Value::text("longrope"));
            },
            &["longrope", "none, linear, yarn"],
        ),
        (
            |file| {
                file.set("llama.attention.head_count", Value::text("two"));
            },
            &["llama.attention.head_count", "a whole number", "\"two\""],
        ),
        (
            |file| {
                let list = [7_u32, 8].iter().flat_map(|n| n.to_le_bytes()).collect();
                file.set("llama.feed_forward_length", Value::list(4, 2, list));
            },
            &["llama.feed_forward_length", "the same in all layers"],
        ),
    ];
    for (change, parts) in cases {
        let mut file = File::llama();
        change(&mut file);
        let error = open(file.bytes()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn tokenizers_that_are_not_known_are_refused_by_name() {
    for (key, value) in [
        ("tokenizer.ggml.model", "rwkv"),
        ("tokenizer.ggml.pre", "tekken"),
    ] {
        let mut file = File::llama();
        file.set(key, Value::text(value));
        let checkpoint = open(file.bytes()).unwrap();
        let error = checkpoint.source().read("tokenizer.json").unwrap_err();
        let error = error.to_string();
        assert!(error.contains(key) && error.contains(value), "{error}");
    }
    let mut file = File::llama();
    file.set("tokenizer.ggml.eos_token_id", Value::u32(4));
    let error = open(file.bytes())
        .unwrap()
        .source()
        .read("tokenizer_config.json");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("the number of one of 4 tokens"), "{error}");
}
