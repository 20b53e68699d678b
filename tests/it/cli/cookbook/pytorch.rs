//! The recipe with PyTorch's states, with or without PyTorch.

use std::{collections::HashMap, env, fs, os::unix::fs::symlink, path::Path, process::Command};

use mirscope::report::parse;
use safetensors::{Dtype, SafeTensors, serialize, tensor::TensorView};
use serde_json::json;

use super::Kitchen;
use crate::golden::GoldenCase;

/// Whether Python is here with what `tools/export_states.py` imports.
fn has_torch() -> bool {
    let imports = "import torch, transformers, safetensors, PIL";
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(python).args(["-c", imports]).output();
    output.is_ok_and(|output| output.status.success())
}

/// Writes the states that transformers gave for a golden pair, in the form of `tools/export_states.py`.
fn write_states(case: &GoldenCase, image: u32, pairs: &Path, file: &Path) {
    let bytes = fs::read(case.folder.join("golden.safetensors")).unwrap();
    let golden = SafeTensors::deserialize(&bytes).unwrap();
    let ids = case.input_ids();
    let after = ids.iter().rposition(|id| *id == image).unwrap();
    let vision = ids.iter().map(|id| u8::from(*id == image)).collect();
    let said = (0..ids.len()).map(|at| u8::from(at > after)).collect();
    let rows = vec![ids.len()];
    let own: [(&str, Dtype, Vec<u8>); 3] = [
        ("is_vision", Dtype::U8, vision),
        ("is_text", Dtype::U8, said),
        ("pair", Dtype::I64, vec![0; 8 * ids.len()]),
    ];
    let mut views: Vec<(String, TensorView<'_>)> = own
        .iter()
        .map(|(name, dtype, data)| {
            let view = TensorView::new(*dtype, rows.clone(), data).unwrap();
            ((*name).to_owned(), view)
        })
        .collect();
    let states = golden
        .tensors()
        .into_iter()
        .filter(|(name, _)| name == "input_ids" || name.starts_with("hidden_states."));
    views.extend(states.map(|(name, view)| (name.replace("pre_norm", "before_norm"), view)));
    let state = views
        .iter()
        .find(|(name, _)| name.starts_with("hidden_states."));
    let [_, width] = state.unwrap().1.shape()[..] else {
        panic!("states have rows");
    };
    let layers = views
        .iter()
        .filter(|(name, _)| name.starts_with("hidden_states."))
        .count()
        - 2;
    let model = json!({
        "name": "llava-pretrained", "architecture": "LlavaForConditionalGeneration",
        "parameters": 1, "dtype": "f32", "hidden_size": width, "num_hidden_layers": layers,
    });
    let metadata = HashMap::from([
        ("format", "pt".to_owned()),
        ("states_format", "1".to_owned()),
        ("model", model.to_string()),
        (
            "data",
            json!({ "source": "pairs.jsonl", "prompt": "chat template" }).to_string(),
        ),
        ("text_masks", json!({ "official": "is_text" }).to_string()),
        ("tokens_by_pair", json!(rows).to_string()),
        ("pairs", fs::read_to_string(pairs).unwrap()),
        (
            "folder",
            pairs.parent().unwrap().to_str().unwrap().to_owned(),
        ),
    ]);
    let metadata = metadata
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    let bytes = serialize(views, Some(metadata.collect())).unwrap();
    fs::write(file, bytes).unwrap();
}

/// Where PyTorch is missing a stand-in for `python` hands out the states that it once gave.
#[test]
fn states_of_pytorch_are_checked_and_measured() {
    let kitchen = Kitchen::new();
    let case = GoldenCase::at("clip_mlp_gqa_tied_f32");
    kitchen.lay("clip_mlp_gqa_tied_f32", "llava-pretrained");
    fs::copy(&case.images[0], kitchen.at("a.png")).unwrap();
    let pair = json!({ "image": "a.png", "text": case.text }).to_string();
    fs::write(kitchen.at("pairs.jsonl"), pair).unwrap();
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools");
    symlink(tools, kitchen.at("tools")).unwrap();
    if has_torch() {
        let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        kitchen.stand_in("python", &format!("exec '{python}' \"$@\"\n"));
    } else {
        let config = fs::read_to_string(case.folder.join("config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_str(&config).unwrap();
        let image = ["image_token_index", "image_token_id"];
        let image = image.iter().find_map(|key| config[key].as_u64()).unwrap();
        write_states(
            &case,
            image as u32,
            &kitchen.at("pairs.jsonl"),
            &kitchen.at("given"),
        );
        let script = "test -f \"$1\" -a -d \"$2\" -a -f \"$3\"\ncp given \"$4\"\n";
        kitchen.stand_in("python", script);
    }
    let out = kitchen.cook_all("States from PyTorch");
    assert!(out.contains("comparisons are right"), "{out}");
    let states = kitchen.report("pytorch.json");
    let model =
        kitchen.cook("mirscope measure --model llava-pretrained --pairs pairs.jsonl --json\n");
    let model = parse(&model, "stdout").unwrap();
    assert_eq!(states.layers.len(), model.layers.len());
    let [given, own] = [&states, &model].map(|report| report.mir.unwrap());
    assert!((given - own).abs() <= 1e-4, "{given} and {own}");
}
