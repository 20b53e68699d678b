//! Images alone in their prompt and one of several against the golden hashes, what is made of too many
//! features, and what is refused.

use mirscope::{
    families::{self, ModelSpec, plan::Row},
    input::ImageProcessor,
};
use serde_json::{Value, json};

use super::llava_next::{compare, entries, open};

/// A small decoder that sees what an entry's processor makes.
fn spec_with(entry: &Value, ratio: &str, resolutions: &Value) -> ModelSpec {
    let config = json!({
        "architectures": ["LlavaOnevisionForConditionalGeneration"],
        "image_token_index": 7,
        "image_grid_pinpoints": resolutions,
        "vision_aspect_ratio": ratio,
        "vision_config": {"image_size": entry["settings"]["size"]["height"],
            "patch_size": entry["patch_size"]},
        "text_config": {"vocab_size": 9, "hidden_size": 8, "num_attention_heads": 2,
            "num_key_value_heads": 1},
    });
    families::parse("config.json", &config.to_string()).unwrap()
}

fn spec(entry: &Value) -> ModelSpec {
    spec_with(
        entry,
        "anyres_max_9",
        &entry["settings"]["image_grid_pinpoints"],
    )
}

#[test]
fn pictures_and_placeholders_equal_transformers() {
    let entries = entries("llava_onevision");
    assert_eq!(entries.len(), 4);
    for entry in &entries {
        let several = entry["several"].as_bool().unwrap();
        compare(entry, &spec(entry), if several { 2 } else { 1 });
    }
}

#[test]
fn absent_keys_take_the_defaults_of_the_published_models() {
    let config = json!({"model_type": "llava_onevision"});
    let spec = families::parse("config.json", &config.to_string()).unwrap();
    let vision = spec.vision().unwrap();
    assert_eq!(
        (vision.image_token_id, vision.num_features()),
        (151_646, 729)
    );
    let any = vision.any_resolution.as_ref().unwrap();
    assert_eq!((any.most, any.most_tiles(384)), (Some(9), 36));
    assert_eq!(any.resolutions[..2], [[384, 384], [384, 768]]);
    assert_eq!(any.resolutions[35], [2304; 2]);
}

/// A processor of pictures of 14 pixels, 3 x 3 patches.
fn small(ratio: &str, resolutions: &Value) -> (ImageProcessor, usize) {
    let entry = &entries("llava_onevision")[2];
    let mut settings = entry["settings"].clone();
    settings["image_grid_pinpoints"] = resolutions.clone();
    let spec = spec_with(entry, ratio, resolutions);
    let [processor, _] = open(&settings, &spec).map(Result::unwrap);
    (processor, spec.vision().unwrap().tower.num_patches())
}

#[test]
fn too_many_features_are_blended() {
    let (processor, patches) = small("anyres_max_1", &json!([[28, 28]]));
    let plan = processor.plan("image", 28, 28).unwrap();
    assert_eq!((patches, plan.features), (9, 45));
    // 6 x 6 features become 3 x 3: each the mean of four neighbors.
    let rows = plan.rows.unwrap();
    assert_eq!(rows.len(), 9 + 3 * 4);
    let quarter = |cells: [u32; 4]| Row::Blend(cells.map(|cell| (cell, 0.25)));
    assert_eq!(rows[8], Row::One(8));
    assert_eq!(rows[9], quarter([9, 10, 12, 13]));
    // The second lies on the first two tiles.
    assert_eq!(rows[10], quarter([11, 18, 14, 21]));
    assert_eq!(rows[12], Row::One(45));
    assert_eq!(rows[20], Row::One(45));
    let (whole, _) = small("anyres_max_4", &json!([[28, 28]]));
    let rows = whole.plan("image", 28, 28).unwrap().rows.unwrap();
    assert_eq!(rows.len(), 9 + 6 * 7);
    assert!(rows.iter().all(|row| matches!(row, Row::One(_))));
}

#[test]
fn an_image_of_which_nothing_would_be_left_is_refused() {
    let (processor, _) = small("anyres_max_1", &json!([[14, 560]]));
    let error = processor.plan("thin", 14, 560).unwrap_err().to_string();
    assert!(
        error.contains("thin") && error.contains("3 x 120 features made 0 x"),
        "{error}"
    );
    // One of several is not cut.
    assert_eq!(
        processor.plan_one_of(2, "thin", 14, 560).unwrap().tokens(),
        10
    );
}

#[test]
fn what_the_model_does_not_know_is_refused() {
    for ratio in ["square", "anyres", "anyres_max_0", "anyres_max_x"] {
        let config = json!({"model_type": "llava_onevision", "vision_aspect_ratio": ratio});
        let error = families::parse("config.json", &config.to_string()).unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("vision_aspect_ratio") && error.contains(ratio),
            "{error}"
        );
    }
    let entry = &entries("llava_onevision")[2];
    let spec = spec_with(
        entry,
        "anyres_max_4",
        &entry["settings"]["image_grid_pinpoints"],
    );
    let processor =
        json!({"image_processor": entry["settings"], "vision_aspect_ratio": "anyres_max_9"});
    let source = mirscope::weights::MemorySource::new("p")
        .with("processor_config.json", processor.to_string().into_bytes());
    let error = ImageProcessor::open(&source, &spec)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("vision_aspect_ratio") && error.contains("anyres_max_9"),
        "{error}"
    );
}
