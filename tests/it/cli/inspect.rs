//! `mirscope inspect` and `mirscope adapters`.

use std::{fs, path::PathBuf};

use serde_json::Value;

use super::{outcome, run, text};

fn golden(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/golden", name]
        .iter()
        .collect()
}

#[test]
fn inspect_describes_a_folder() {
    let folder = golden("siglip_sharded_biases");
    let config: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("config.json")).unwrap()).unwrap();
    let folder = folder.to_str().unwrap();
    let (code, out, _) = outcome(&["inspect", folder, "--json"]);
    assert_eq!(code, 0);
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["model"]["name"], "siglip_sharded_biases");
    assert_eq!(
        found["model"]["architecture"],
        "LlavaForConditionalGeneration"
    );
    for field in ["hidden_size", "num_hidden_layers"] {
        assert_eq!(
            found["model"][field], config["text_config"][field],
            "{field}"
        );
    }
    let bytes = |share: &Value| share["bytes"].as_u64().unwrap();
    let shares = found["dtypes"].as_array().unwrap();
    assert_eq!(found["weight_bytes"], shares.iter().map(bytes).sum::<u64>());
    let width = found["model"]["hidden_size"].as_u64().unwrap();
    let layers = found["model"]["num_hidden_layers"].as_u64().unwrap();
    assert_eq!(found["state_bytes_per_1000_tokens"], 4000 * width * layers);

    let (code, out, _) = outcome(&["inspect", folder]);
    assert_eq!(code, 0);
    for expected in [
        "vision tower: SigLIP",
        "connector: ",
        "language model: Llama",
        "adapter",
    ] {
        assert!(out.contains(expected), "no `{expected}` in\n{out}");
    }
}

#[test]
fn inspect_describes_other_connectors() {
    for (name, tokens, words) in [
        ("linear_moca", 16, ["linear, 18 to 20", "(MoCa)"]),
        (
            "mlp4x_gelu",
            16,
            ["MLP of 4 layers with gelu", " 1,640 parameters"],
        ),
        ("average_pool", 9, ["average pooling to 3 x 3", "18 to 20"]),
        (
            "attention_pool_moca_bf16",
            7,
            ["7 queries and 3 heads", "(MoCa)"],
        ),
        (
            "c_abstractor_bf16",
            16,
            ["2 + 2 blocks of 22 channels", "18 to 20"],
        ),
        ("pixel_shuffle", 4, ["pixel shuffle by 3 x 3", "18 to 20"]),
    ] {
        let folder = golden("connectors").join(name);
        let folder = folder.to_str().unwrap();
        let (code, out, err) = outcome(&["inspect", folder, "--json"]);
        assert_eq!(code, 0, "{err}");
        let found: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(found["image_tokens"], tokens, "{name}");
        let (_, out, _) = outcome(&["inspect", folder]);
        for expected in words {
            assert!(out.contains(expected), "no `{expected}` in\n{out}");
        }
    }
}

#[test]
fn the_demo_is_part_of_the_program() {
    let (code, out, err) = outcome(&["inspect", "--json"]);
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(found["model"]["name"], "mirscope demo");
}

#[test]
fn inspect_says_what_is_wrong_with_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("config.json"),
        "{\"model_type\": \"bert\"}",
    )
    .unwrap();
    let (code, out, err) = text(&run(folder.path(), &["inspect", "."]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("config.json: `model_type` is bert"), "{err}");
}

/// A copy of a small checkpoint in a folder of its own, without one of its files.
fn without(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(golden("clip_mlp_gqa_tied_f32")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if name != file {
            fs::copy(&path, folder.path().join(name)).unwrap();
        }
    }
    folder
}

#[test]
fn inspect_ends_with_whether_measure_can_run() {
    let whole = without("nothing");
    let (code, out, err) = text(&run(whole.path(), &["inspect", "."]));
    assert_eq!((code, err.as_str()), (0, ""));
    let last = out.lines().last().unwrap();
    assert!(
        last.starts_with("measure") && last.contains(" yes,"),
        "{last}"
    );

    let folder = without("tokenizer.json");
    let (code, out, err) = text(&run(folder.path(), &["inspect", "."]));
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.contains("vision tower: CLIP"), "{out}");
    let last = out.lines().last().unwrap();
    assert!(
        last.starts_with("measure") && last.contains(" no: ") && last.contains("tokenizer.json"),
        "{last}"
    );
    let (code, out, _) = text(&run(folder.path(), &["inspect", ".", "--json"]));
    assert_eq!(code, 1);
    let found: Value = serde_json::from_str(&out).unwrap();
    let obstacle = found["obstacle"].as_str().unwrap();
    assert!(obstacle.contains("tokenizer.json"), "{obstacle}");
}

#[test]
fn unknown_adapters_are_refused_with_those_there_are() {
    let folder = golden("clip_linear_connector");
    let args = ["inspect", folder.to_str().unwrap(), "--adapter", "Voodoo 2"];
    let (code, _, err) = outcome(&args);
    assert_eq!(code, 1);
    assert!(
        err.contains("no adapter's name contains `Voodoo 2`; available: 0 `"),
        "{err}"
    );
    let args = ["inspect", folder.to_str().unwrap(), "--adapter", "99"];
    let (code, _, err) = outcome(&args);
    assert_eq!(code, 1);
    assert!(err.contains("none has that number"), "{err}");
}

#[test]
fn an_adapter_is_chosen_by_its_number() {
    let folder = golden("clip_linear_connector");
    let (_, listed, _) = outcome(&["adapters", "--json"]);
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let folder = folder.to_str().unwrap();
    let (code, out, err) = outcome(&["inspect", folder, "--json", "--adapter", "0"]);
    assert_eq!(code, 0, "{err}");
    let found: Value = serde_json::from_str(&out).unwrap();
    let of = |grant: &Value| grant["device"]["adapter"].clone();
    assert_eq!(of(&found["device"]), of(&listed[0]));
}

#[test]
fn adapters_are_listed() {
    let (code, out, _) = outcome(&["adapters", "--json"]);
    assert_eq!(code, 0);
    let all: Vec<Value> = serde_json::from_str(&out).unwrap();
    let (_, listed, _) = outcome(&["adapters"]);
    for (number, adapter) in all.iter().enumerate() {
        assert!(adapter["max_buffer_size"].as_u64().unwrap() > 0);
        let name = adapter["device"]["adapter"].as_str().unwrap();
        assert!(listed.contains(&format!("{number}  {name}")), "{listed}");
    }
}
