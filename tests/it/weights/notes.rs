//! What disagrees without standing in the way.

use std::sync::Arc;

use mirscope::{model::Checkpoint, weights::MemorySource};
use serde_json::{Value, json};

use super::build;

fn open(config: &Value, processor: &Value) -> Checkpoint {
    let weights = build::safetensors(&build::tensors(config));
    let source: MemorySource = build::source(config, weights);
    let source = source.with("processor_config.json", processor.to_string().into_bytes());
    Checkpoint::open(Arc::new(source)).unwrap()
}

fn processor(crop: usize, strategy: &str) -> Value {
    json!({
        "image_processor": {
            "image_processor_type": "CLIPImageProcessor",
            "size": {"shortest_edge": crop}, "crop_size": {"height": crop, "width": crop}
        },
        "vision_feature_select_strategy": strategy
    })
}

#[track_caller]
fn only(checkpoint: &Checkpoint, parts: &[&str]) {
    let notes = checkpoint.notes();
    assert_eq!(notes.len(), 1, "{notes:?}");
    for part in parts {
        assert!(notes[0].contains(part), "expected {part:?} in {notes:?}");
    }
}

#[test]
fn what_agrees_is_not_worth_a_note() {
    let notes = open(&build::config(), &processor(14, "default")).notes();
    assert_eq!(notes, [""; 0]);
}

#[test]
fn a_crop_of_another_size_than_the_towers() {
    let checkpoint = open(&build::config(), &processor(21, "default"));
    only(&checkpoint, &["21 x 21 pixels", "14 x 14", "interpolated"]);
}

#[test]
fn a_strategy_that_the_towers_positions_do_not_suit() {
    let mut siglip = build::config();
    siglip["vision_config"]["model_type"] = json!("siglip_vision_model");
    let checkpoint = open(&siglip, &processor(14, "default"));
    only(
        &checkpoint,
        &[
            "`vision_feature_select_strategy` = default",
            "a patch of the image",
        ],
    );
    siglip["vision_feature_select_strategy"] = json!("full");
    assert_eq!(open(&siglip, &processor(14, "full")).notes(), [""; 0]);
    let mut clip = build::config();
    clip["vision_feature_select_strategy"] = json!("full");
    only(
        &open(&clip, &processor(14, "full")),
        &["class token", "counts as a vision token"],
    );
}

#[test]
fn a_processor_that_counts_otherwise() {
    let checkpoint = open(&build::config(), &processor(14, "full"));
    only(
        &checkpoint,
        &[
            "processor_config.json has",
            "full",
            "config.json has default",
        ],
    );
}

#[test]
fn a_missing_head_stops_only_what_needs_it() {
    let mut tensors = build::tensors(&build::config());
    tensors.remove("lm_head.weight").unwrap();
    let checkpoint = build::open(&build::config(), &tensors).unwrap();
    only(
        &checkpoint,
        &["no tensor `lm_head.weight`", "can be measured"],
    );
    assert!(
        checkpoint
            .used()
            .all(|(used, _)| used.name != "lm_head.weight")
    );
    // One that is there has to fit.
    tensors.insert("lm_head.weight".into(), build::counted(&[3, 8], 0.0));
    let error = build::open(&build::config(), &tensors)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("lm_head.weight") && error.contains("[3, 8]"),
        "{error}"
    );
}
