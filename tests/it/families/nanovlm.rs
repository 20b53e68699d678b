//! nanoVLM: no processor's file, no tokenizer, and three generations of configurations.

use std::sync::Arc;

use mirscope::{
    families,
    input::{ImageProcessor, Processor, PromptForm},
    model::Checkpoint,
    weights::{FolderSource, MemorySource},
};
use serde_json::{Map, Value, json};

use super::{
    images::{differences, index, picture, text},
    states,
};
use crate::input::sha256::sha256;

/// A model that makes 64 tokens of a picture of `side` pixels, of the first generation.
fn config(side: u64) -> Value {
    json!({
        "vit_hidden_dim": 8, "vit_inter_dim": 8, "vit_patch_size": side / 8, "vit_img_size": side,
        "vit_n_heads": 2, "vit_n_blocks": 1, "lm_hidden_dim": 8, "lm_inter_dim": 8, "lm_n_heads": 2,
        "lm_n_kv_heads": 1, "lm_n_blocks": 1, "lm_vocab_size": 100, "lm_max_position_embeddings": 99,
        "lm_tokenizer": "somebody/a-tokenizer", "mp_pixel_shuffle_factor": 1,
    })
}

/// The same with placeholders, tiles of `tiles` rows and columns, and the whole.
fn tiled(side: u64, tiles: usize, longest: u64, whole: bool) -> Value {
    let mut config = config(side);
    let mut extra = Map::new();
    extra.insert("image_token".to_owned(), json!("<|image|>"));
    if whole {
        extra.insert("global_image_token".to_owned(), json!("<|global_image|>"));
    }
    for (row, column) in (0..tiles * tiles).map(|tile| (tile / tiles + 1, tile % tiles + 1)) {
        let token = format!("<row_{row}_col_{column}>");
        extra.insert(format!("r{row}c{column}"), json!(token));
    }
    config["vlm_extra_tokens"] = Value::Object(extra);
    config["lm_base_vocab_size"] = json!(3);
    config["lm_chat_template"] = json!("{{ messages[0]['content'] }}{{ messages[1]['content'] }}");
    config["mp_image_token_length"] = json!(64);
    config["max_img_size"] = json!(longest);
    config
}

fn processor(config: &Value) -> Result<ImageProcessor, String> {
    let spec = families::parse("config.json", &config.to_string());
    let spec = spec.map_err(|error| error.to_string())?;
    let source = MemorySource::new("a folder");
    let source = source.with("config.json", config.to_string().into_bytes());
    ImageProcessor::open(&source, &spec).map_err(|error| error.to_string())
}

#[test]
fn pictures_are_those_of_its_own_code() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for group in index("nanovlm")["settings"].as_array().unwrap() {
        let settings = &group["settings"];
        let side = settings["vit_img_size"].as_u64().unwrap();
        let config = match settings["max_img_size"].as_u64() {
            None => config(side),
            Some(longest) => {
                let mut config = tiled(side, 4, longest, true);
                config["resize_to_max_side_len"] = settings["resize_to_max_side_len"].clone();
                config
            }
        };
        let processor = processor(&config).unwrap();
        for case in group["cases"].as_array().unwrap() {
            compared += 1;
            let size = |key: &str| case[key].as_u64().unwrap() as usize;
            let (width, height) = (size("width"), size("height"));
            let processed = processor
                .process("a picture", &picture(width, height))
                .unwrap();
            let mut found = differences(case, &processed);
            if let Some(expected) = case["sha256_tiles"].as_str() {
                // The whole is interpolated in f32; its last bits depend on the order of sums.
                found.retain(|what| what != "pixel_values");
                let tiles = processed.pixel_values[1..].iter();
                let values = tiles.flat_map(|picture| &picture.data);
                let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
                let whole = &processed.pixel_values[0].data;
                let sum: f64 = whole.iter().map(|value| f64::from(*value)).sum();
                let mean = case["whole_mean"].as_f64().unwrap();
                if sha256(&bytes) != expected || (sum / whole.len() as f64 - mean).abs() > 1e-7 {
                    found.push("pixel_values".to_owned());
                }
            }
            if text(&processed, "<|image|>") != case["text"] {
                found.push("text".to_owned());
            }
            if processed.plan.tokens() != size("placeholders") {
                found.push("placeholders".to_owned());
            }
            if !found.is_empty() {
                wrong.push(format!("{width} x {height}, {settings}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared >= 30, "only {compared} pictures");
}

#[test]
fn without_a_mark_of_the_whole_there_are_tiles_alone() {
    let processor = processor(&tiled(16, 4, 64, false)).unwrap();
    let of = |width, height| {
        let plan = processor
            .process("a picture", &picture(width, height))
            .unwrap();
        text(&plan, "<|image|>")
    };
    assert_eq!(
        of(20, 9),
        "<row_1_col_1><|image|>{64}<row_1_col_2><|image|>{64}"
    );
    assert_eq!(of(9, 9), "<row_1_col_1><|image|>{64}");
}

#[test]
fn what_it_cannot_take_is_refused() {
    let refused = |config: &Value, named: &[&str]| {
        let error = processor(config).unwrap_err();
        for name in named {
            assert!(error.contains(name), "{error} does not name {name}");
        }
    };
    let own = tiled(16, 2, 64, true);
    assert!(processor(&own).is_ok());
    for (key, value, named) in [
        ("vit_cls_flag", json!(true), ["vit_cls_flag", "patches"]),
        ("lm_use_tokens", json!(true), ["lm_use_tokens", "false"]),
        ("lm_attn_scaling", json!(1.5), ["lm_attn_scaling", "1.5"]),
        (
            "vit_n_heads",
            json!(3),
            ["vit_n_heads", "vit_hidden_dim = 8"],
        ),
        (
            "lm_n_kv_heads",
            json!(3),
            ["lm_n_kv_heads", "lm_n_heads = 2"],
        ),
        ("lm_n_heads", json!(3), ["lm_n_heads", "lm_hidden_dim = 8"]),
        ("vit_patch_size", json!(17), ["vit_patch_size", "16"]),
        ("vit_img_size", json!(null), ["vit_img_size", "absent"]),
        (
            "mp_pixel_shuffle_factor",
            json!(3),
            ["mp_pixel_shuffle_factor", "divisor of 8"],
        ),
        (
            "mp_image_token_length",
            json!(63),
            ["mp_image_token_length", "64"],
        ),
        (
            "max_img_size",
            json!(60),
            ["max_img_size", "vit_img_size = 16"],
        ),
        ("max_img_size", json!(null), ["max_img_size", "absent"]),
        (
            "lm_base_vocab_size",
            json!(100),
            ["lm_base_vocab_size", "lm_vocab_size = 100"],
        ),
        (
            "lm_chat_template",
            json!(null),
            ["lm_chat_template", "absent"],
        ),
        (
            "vlm_extra_tokens",
            json!({"other": "x"}),
            ["vlm_extra_tokens.image_token", "absent"],
        ),
        (
            "vlm_extra_tokens",
            json!({"image_token": 7}),
            ["vlm_extra_tokens.image_token", "7"],
        ),
    ] {
        let mut wrong = own.clone();
        wrong[key] = value;
        refused(&wrong, &named);
    }
    let few = processor(&own).unwrap();
    let error = few.plan("a picture", 64, 20).unwrap_err().to_string();
    assert!(error.contains("2 rows and 2 columns"), "{error}");
}

/// A golden case without some of its files, and with others.
fn folder(case: &str, without: &str, with: &[(&str, String)]) -> MemorySource {
    let folder = states::root().join("nanovlm").join(case);
    let mut source = MemorySource::new("a folder");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        if name != without {
            source.insert(name, std::fs::read(file.path()).unwrap());
        }
    }
    for (name, text) in with {
        source.insert((*name).to_owned(), text.clone().into_bytes());
    }
    source
}

#[test]
fn a_tokenizer_from_elsewhere_is_named() {
    let open = |source: MemorySource| {
        let checkpoint = Checkpoint::open(Arc::new(source)).unwrap();
        Processor::open(&**checkpoint.source(), &checkpoint.spec).map(drop)
    };
    let missing = folder("tiles_bf16", "tokenizer.json", &[]);
    let error = open(missing).unwrap_err().to_string();
    assert!(error.contains("SmolLM2-360M-Instruct"), "{error}");
    // The tokenizer of another model gives the placeholder another id.
    let tokenizer = states::root().join("smolvlm");
    let other = states::cases("smolvlm").remove(0).join("tokenizer.json");
    assert!(other.starts_with(tokenizer));
    let other = std::fs::read_to_string(other).unwrap();
    let error = open(folder("tiles_bf16", "", &[("tokenizer.json", other)])).unwrap_err();
    assert!(error.to_string().contains("lm_tokenizer"), "{error}");
    // Without its configuration the token of the end is the one whose id the model's configuration has.
    let bare = folder("first_f32", "tokenizer_config.json", &[]);
    let checkpoint = Checkpoint::open(Arc::new(bare)).unwrap();
    let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
    let plan = processor.plan("a picture", 9, 9).unwrap();
    let prompt = processor.prompt("a text", "a cat", &plan).unwrap();
    assert_eq!(prompt.input_ids.last(), Some(&0));
    assert_eq!(processor.prompt_form(), PromptForm::Own);
    let two = processor.document("a document", &["a", "b"], &[&plan, &plan]);
    assert!(two.unwrap_err().to_string().contains("2 images"));
}

#[test]
fn fields_and_tensors_are_called_as_in_the_files() {
    let path = states::root().join("nanovlm/tiles_bf16");
    let text = std::fs::read_to_string(path.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["vit_inter_dim"] = json!(21);
    let source = folder("tiles_bf16", "", &[("config.json", config.to_string())]);
    let error = Checkpoint::open(Arc::new(source)).unwrap_err().to_string();
    assert!(
        error.contains("vit_inter_dim") && error.contains("vision_encoder.blocks.0"),
        "{error}"
    );
    config["vit_inter_dim"] = json!(20);
    config["lm_n_blocks"] = json!(1);
    let source = folder("tiles_bf16", "", &[("config.json", config.to_string())]);
    let error = Checkpoint::open(Arc::new(source)).unwrap_err().to_string();
    assert!(error.contains("lm_n_blocks"), "{error}");
    let whole = Checkpoint::open(Arc::new(FolderSource::open(&path).unwrap())).unwrap();
    let unused: Vec<&str> = whole.unused().collect();
    assert_eq!(unused, ["decoder.rotary_embd.inv_freq"]);
}
