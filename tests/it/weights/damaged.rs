//! Damaged files: one error that names the file, the tensor, what was expected and what was found.

use std::sync::Arc;

use mirscope::{
    model::Checkpoint,
    weights::{FolderSource, MemorySource, WeightsError, safetensors::read_header},
};
use proptest::prelude::*;
use safetensors::Dtype;
use serde_json::json;

use super::build;

/// The error of opening the tiny checkpoint with these bytes as weights.
fn error_of(weights: Vec<u8>) -> String {
    let source = build::source(&build::config(), weights);
    Checkpoint::open(Arc::new(source)).unwrap_err().to_string()
}

fn assert_says(error: &str, parts: &[&str]) {
    for part in parts {
        assert!(error.contains(part), "expected {part:?} in: {error}");
    }
}

#[test]
fn truncated_files() {
    let good = build::safetensors(&build::tensors(&build::config()));
    for keep in [0, 7, 8, 100] {
        assert_says(&error_of(good[..keep].to_vec()), &["model.safetensors: "]);
    }
    let error = error_of(good[..good.len() - 4].to_vec());
    assert_says(&error, &["tensor `", "offsets within", "download"]);
    let mut longer = good.clone();
    longer.push(0);
    assert_says(&error_of(longer), &["data bytes by its header"]);
}

#[test]
fn damaged_headers() {
    let entry = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}"#)
    };
    let huge = format!("[{0},{0},{0}]", u64::MAX);
    let cases = [
        ("{".to_owned(), "in JSON"),
        ("[]".into(), "in JSON"),
        (r#"{"a":1}"#.into(), "dtype, shape"),
        (
            format!(r#"{{"a":{}}}"#, entry("F99", "[1]", "[0,4]")),
            "F99",
        ),
        (
            format!(r#"{{"a":{}}}"#, entry("F32", "[1]", "[4,0]")),
            "offsets within",
        ),
        (
            format!(r#"{{"a":{}}}"#, entry("F32", "[3]", "[0,12]")),
            "offsets within",
        ),
        (
            format!(r#"{{"a":{}}}"#, entry("F32", "[1]", "[0,8]")),
            "the bytes of shape [1]",
        ),
        (
            format!(r#"{{"a":{}}}"#, entry("F32", "[-1]", "[0,8]")),
            "dtype, shape",
        ),
        (
            format!(r#"{{"a":{}}}"#, entry("F32", &huge, "[0,8]")),
            "the bytes of shape",
        ),
        (
            format!(
                r#"{{"a":{},"b":{}}}"#,
                entry("F32", "[1]", "[0,4]"),
                entry("F32", "[2]", "[0,8]")
            ),
            "overlap",
        ),
        (
            format!(r#"{{"a":{}}}"#, entry("F32", "[1]", "[4,8]")),
            "a hole",
        ),
    ];
    // One size is 0, so that no byte tells of the others.
    let header = format!(
        r#"{{"a":{}}}"#,
        entry("U8", "[0,9223372036854775808,3]", "[0,0]")
    );
    let error = error_of(build::raw_safetensors(&header, &[]));
    assert_says(
        &error,
        &["`a`", "at most 2^48 elements", "9223372036854775808"],
    );
    for (header, part) in cases {
        let error = error_of(build::raw_safetensors(&header, &[0; 8]));
        assert_says(&error, &["model.safetensors: ", part, "expected", "found"]);
    }
    let mut oversized = u64::MAX.to_le_bytes().to_vec();
    oversized.extend_from_slice(&[b' '; 64]);
    assert_says(&error_of(oversized), &["at most 64 bytes"]);
}

#[test]
fn wrong_dtype_shape_and_name() {
    let config = build::config();
    let good = build::tensors(&config);
    let name = "language_model.layers.1.mlp.up_proj.weight";
    let open = |change: &dyn Fn(&mut build::Tensors)| {
        let mut tensors = good.clone();
        change(&mut tensors);
        build::open(&config, &tensors).unwrap_err().to_string()
    };
    let error = open(&|t| {
        let (_, shape, _) = t[name].clone();
        t.insert(name.into(), (Dtype::F64, shape, vec![0; 10 * 8 * 8]));
    });
    assert_says(&error, &["model.safetensors", name, "F64", "BF16"]);
    let error = open(&|t| {
        t.insert(name.into(), build::counted(&[9, 8], 0.0));
    });
    assert_says(
        &error,
        &[name, "[10, 8]", "[9, 8]", "text_config.intermediate_size"],
    );
    assert!(!error.contains("hidden_size"), "only the size that differs");
    let error = open(&|t| {
        t.remove(name);
    });
    assert_says(&error, &["model.safetensors", name, "missing", "[10, 8]"]);
    let error = open(&|t| {
        t.insert(format!("model.{name}"), build::counted(&[10, 8], 0.0));
    });
    assert_says(&error, &["one tensor for", name]);
}

#[test]
fn a_config_of_other_weights_is_refused() {
    let tensors = build::tensors(&build::config());
    let cases = [
        (
            "text_config",
            "num_hidden_layers",
            json!(1),
            "num_hidden_layers",
        ),
        ("text_config", "num_hidden_layers", json!(3), "layers.2."),
        (
            "vision_config",
            "num_hidden_layers",
            json!(1),
            "num_hidden_layers",
        ),
        (
            "text_config",
            "num_key_value_heads",
            json!(2),
            "num_key_value_heads",
        ),
        (
            "text_config",
            "vocab_size",
            json!(31),
            "text_config.vocab_size",
        ),
        ("text_config", "attention_bias", json!(true), "q_proj.bias"),
        (
            "vision_config",
            "image_size",
            json!(21),
            "vision_config.image_size",
        ),
        (
            "vision_config",
            "model_type",
            json!("siglip_vision_model"),
            "patch_embedding.bias",
        ),
    ];
    for (section, field, value, part) in cases {
        let mut config = build::config();
        config[section][field] = value;
        let error = build::open(&config, &tensors).unwrap_err().to_string();
        assert_says(&error, &["model.safetensors: ", part]);
    }
    let mut config = build::config();
    config["multimodal_projector_bias"] = json!(false);
    let error = build::open(&config, &tensors).unwrap_err().to_string();
    assert_says(
        &error,
        &["linear_1.bias", "`multimodal_projector_bias` = false"],
    );
}

#[test]
fn missing_files_say_what_is_there() {
    let config = build::config().to_string().into_bytes();
    let open = |source: MemorySource| Checkpoint::open(Arc::new(source)).unwrap_err().to_string();
    let empty = MemorySource::new("box");
    assert_says(&open(empty.clone()), &["box", "config.json"]);
    let empty = empty.with("config.json", config);
    assert_says(
        &open(empty.clone()),
        &["model.safetensors.index.json", "neither"],
    );
    let pickled = empty.clone().with("pytorch_model.bin", vec![1]);
    assert_says(
        &open(pickled),
        &["pytorch_model.bin", "torch.save", "download the file again"],
    );
    let index = "model.safetensors.index.json";
    for (map, part) in [
        ("{", "JSON"),
        ("{}", "weight_map"),
        (r#"{"weight_map": {"a": 1}}"#, "weight_map"),
        (
            r#"{"weight_map": {"a": "gone.safetensors"}}"#,
            "gone.safetensors",
        ),
    ] {
        let source = empty.clone().with(index, map.as_bytes().to_vec());
        assert_says(&open(source), &[part]);
    }
    let bad = empty.with("config.json", vec![0xff, 0xfe]);
    assert_says(&open(bad), &["config.json", "UTF-8"]);
}

#[test]
fn a_folder_lets_nobody_out() {
    use mirscope::weights::ByteSource;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a"), b"abc").unwrap();
    let source = FolderSource::open(folder.path()).unwrap();
    assert_eq!(source.read("a").unwrap(), b"abc");
    assert_eq!(source.read_range("a", 1..2).unwrap(), b"b");
    assert_eq!(source.len("b").unwrap(), None);
    assert!(source.read_range("a", 2..4).is_err());
    for path in ["../a", "/etc/passwd", "", "x\\..\\a", "./../a"] {
        assert!(source.len(path).is_err(), "{path}");
    }
    let missing = FolderSource::open(folder.path().join("none")).unwrap_err();
    assert_says(&missing.to_string(), &["none", "nothing there"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens to the bytes, opening ends in a checkpoint or an error.
    #[test]
    fn mutated_checkpoints_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
        truncate in any::<bool>(),
        in_config in any::<bool>(),
    ) {
        let config = build::config();
        let mut weights = build::safetensors(&build::tensors(&config));
        let mut text = config.to_string().into_bytes();
        let target = if in_config { &mut text } else { &mut weights };
        // Most damage should hit the header, not the data.
        let header = target.len().min(4096);
        for (index, byte) in changes {
            target[index.index(header)] = byte;
        }
        if truncate {
            target.truncate(cut.index(header));
        }
        let source = MemorySource::new("mutated")
            .with("config.json", text)
            .with("model.safetensors", weights);
        if let Err(error) = Checkpoint::open(Arc::new(source)) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// Any bytes at all as a header.
    #[test]
    fn arbitrary_headers_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), length in 0_u64..220) {
        let mut file = length.to_le_bytes().to_vec();
        file.extend_from_slice(&bytes);
        let source = MemorySource::new("noise").with("x", file);
        let result: Result<_, WeightsError> = read_header(&source, "x");
        // An empty map is the only header that such noise is likely to make.
        prop_assert!(result.is_err() || result.unwrap().is_empty());
    }
}
