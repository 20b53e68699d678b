//! Images of any resolution against the golden hashes, and what is refused.

use mirscope::{
    families::{self, ModelSpec, plan::Piece},
    input::{ImageProcessor, InputError, RgbImage},
    weights::{MemorySource, WeightsError},
};
use serde_json::{Value, json};

use crate::{golden, input::sha256::sha256};

/// The made-up picture of `images.json`.
pub fn picture(width: usize, height: usize) -> RgbImage {
    let mut data = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            let grain = 5 * ((x * y) % 31) + 64 * ((x / 5 + y / 3) % 2);
            data.extend((0..3).map(|c| ((7 * x + 13 * y + 29 * c + grain) % 256) as u8));
        }
    }
    RgbImage {
        width,
        height,
        data,
        transparent: None,
    }
}

/// The entries of a family's `images.json`.
pub fn entries(family: &str) -> Vec<Value> {
    let path = golden::root()
        .join("families")
        .join(family)
        .join("images.json");
    let index: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    index["settings"].as_array().unwrap().clone()
}

/// An image processor with these settings, alone in its file or within the processor's.
pub fn open(settings: &Value, spec: &ModelSpec) -> [Result<ImageProcessor, InputError>; 2] {
    let flat = MemorySource::new("flat").with(
        "preprocessor_config.json",
        settings.to_string().into_bytes(),
    );
    let nested = json!({"image_processor": settings}).to_string();
    let nested = MemorySource::new("nested").with("processor_config.json", nested.into_bytes());
    [flat, nested].map(|source| ImageProcessor::open(&source, spec))
}

/// Compares what a processor makes of all pictures of an entry, `images` to a prompt.
pub fn compare(entry: &Value, spec: &ModelSpec, images: usize) {
    let [processor, nested] = open(&entry["settings"], spec).map(Result::unwrap);
    let patches = spec.vision().unwrap().tower.num_patches();
    for case in entry["cases"].as_array().unwrap() {
        let size = ["width", "height"].map(|key| case[key].as_u64().unwrap() as usize);
        let image = picture(size[0], size[1]);
        let found = processor.process_one_of(images, "image", &image).unwrap();
        let (values, plan) = (&found.pixel_values, &found.plan);
        let shape = json!([values.len(), 3, values[0].height, values[0].width]);
        assert_eq!(case["shape"], shape, "{case}");
        let bytes: Vec<u8> = (values.iter().flat_map(|picture| &picture.data))
            .flat_map(|value| value.to_le_bytes())
            .collect();
        assert_eq!(case["sha256"], sha256(&bytes), "{case}");
        assert_eq!(case["placeholders"], plan.tokens(), "{case}");
        let pieces = plan.pieces.iter().map(|piece| match piece {
            Piece::Placeholders(count) => format!("<image>{{{count}}}"),
            Piece::Scaffold(text) | Piece::Text(text) => text.clone(),
        });
        assert_eq!(case["text"], pieces.collect::<String>(), "{case}");
        assert_eq!(plan.features, values.len() * patches);
        assert_eq!(plan.places.len(), plan.tokens());
        assert_eq!(plan.rows.as_ref().unwrap().len(), plan.tokens());
        for place in &plan.places {
            let cells = plan.views[place.view].cells;
            let inside = |cell| cells.is_some_and(|[rows, columns]| cell < rows * columns);
            assert!(place.cell.is_none_or(inside), "{case}");
        }
        let again = nested
            .plan_one_of(images, "image", size[1], size[0])
            .unwrap();
        assert_eq!(*plan, again);
    }
}

/// The configuration of a small decoder that sees pictures of `side` pixels.
fn config(side: u64, patch: u64, resolutions: &Value) -> Value {
    json!({
        "architectures": ["LlavaNextForConditionalGeneration"],
        "image_token_index": 7,
        "image_grid_pinpoints": resolutions,
        "vision_config": {"model_type": "clip_vision_model", "image_size": side, "patch_size": patch},
        "text_config": {"model_type": "llama", "vocab_size": 9, "hidden_size": 8,
            "num_attention_heads": 2, "tie_word_embeddings": true},
    })
}

fn spec(config: &Value) -> Result<ModelSpec, WeightsError> {
    families::parse("config.json", &config.to_string())
}

fn config_of(entry: &Value) -> Value {
    let settings = &entry["settings"];
    let side = settings["size"]["shortest_edge"].as_u64().unwrap();
    let patch = entry["patch_size"].as_u64().unwrap();
    config(side, patch, &settings["image_grid_pinpoints"])
}

#[test]
fn pictures_and_placeholders_equal_transformers() {
    let entries = entries("llava_next");
    assert_eq!(entries.len(), 2);
    for entry in entries {
        compare(&entry, &spec(&config_of(&entry)).unwrap(), 1);
    }
}

#[test]
fn the_decoders_word_about_its_head_does_not_count() {
    let entry = &entries("llava_next")[1];
    let mut config = config_of(entry);
    assert!(!spec(&config).unwrap().text.tie_word_embeddings);
    config["tie_word_embeddings"] = json!(true);
    assert!(spec(&config).unwrap().text.tie_word_embeddings);
}

#[test]
fn what_has_no_square_of_features_is_refused() {
    let entry = &entries("llava_next")[1];
    for (key, value, expected) in [
        ("vision_feature_select_strategy", json!("full"), "`default`"),
        ("image_grid_pinpoints", json!([[15, 20]]), "multiples of"),
        ("image_grid_pinpoints", json!([]), "a list of 1 to"),
        ("image_grid_pinpoints", json!([[15, 15, 15]]), "pairs"),
        ("image_grid_pinpoints", json!([[15, 0]]), "pairs"),
        ("image_grid_pinpoints", json!("anyres"), "pairs"),
        ("mm_projector_type", json!("linear"), "mlp2x_gelu"),
        ("mm_sub_images", json!(2), "mm_sub_images"),
    ] {
        let mut config = config_of(entry);
        config[key] = value;
        let error = spec(&config).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains(expected), "{error}");
    }
}

#[test]
fn a_processor_that_contradicts_the_model_is_refused() {
    let entry = &entries("llava_next")[1];
    let spec = spec(&config_of(entry)).unwrap();
    for (key, value) in [
        ("size", json!({"shortest_edge": 14})),
        ("size", json!({"height": 15, "width": 30})),
        ("crop_size", json!({"height": 15, "width": 12})),
        ("image_grid_pinpoints", json!([[15, 30]])),
        ("image_grid_pinpoints", Value::Null),
        ("image_processor_type", json!("CLIPImageProcessor")),
        ("do_resize", json!(false)),
    ] {
        let mut settings = entry["settings"].clone();
        settings[key] = value;
        for processor in open(&settings, &spec) {
            let error = processor.unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
