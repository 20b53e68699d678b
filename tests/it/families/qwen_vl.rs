//! Qwen2-VL, Qwen2.5-VL and Qwen3-VL.

use mirscope::{
    families::{self, ModelSpec, TowerSpec, plan::Piece},
    input::{ImageProcessor, PixelValues, RgbImage},
    model,
    weights::MemorySource,
};
use serde_json::{Value, json};

use crate::{golden, input::sha256::sha256};

/// The synthetic picture of `images.json`.
fn picture(width: usize, height: usize) -> RgbImage {
    let value = |x: usize, y: usize, c: usize| {
        x * 7 + y * 13 + c * 29 + (x * y) % 31 * 5 + (x / 5 + y / 3) % 2 * 64
    };
    let mut data = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        for x in 0..width {
            data.extend((0..3).map(|c| (value(x, y, c) % 256) as u8));
        }
    }
    RgbImage {
        width,
        height,
        data,
        transparent: None,
    }
}

/// A small configuration in the hub's layout.
fn config(family: &str) -> Value {
    let text = json!({
        "hidden_size": 16, "intermediate_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 9, "max_position_embeddings": 64,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 1, 1]}
    });
    let vision = json!({
        "depth": 2, "embed_dim": 8, "hidden_size": 16, "intermediate_size": 8, "num_heads": 2,
        "out_hidden_size": 16, "deepstack_visual_indexes": [0]
    });
    let own = json!({"image_token_id": 7, "vision_config": vision});
    let name = match family {
        "qwen2_vl" => "Qwen2VLForConditionalGeneration",
        "qwen2_5_vl" => "Qwen2_5_VLForConditionalGeneration",
        _ => "Qwen3VLForConditionalGeneration",
    };
    let mut config = match family {
        "qwen3_vl" => json!({"text_config": text}),
        _ => text,
    };
    for (key, value) in own.as_object().unwrap() {
        config[key] = value.clone();
    }
    config["architectures"] = json!([name]);
    config
}

fn parse(config: &Value) -> Result<ModelSpec, String> {
    families::parse("config.json", &config.to_string()).map_err(|error| error.to_string())
}

/// The model for pictures that a processor with these settings makes.
fn model_for(family: &str, settings: &Value) -> ModelSpec {
    let mut config = config(family);
    let vision = &mut config["vision_config"];
    for (own, key) in [
        ("patch_size", "patch_size"),
        ("spatial_merge_size", "merge_size"),
        ("temporal_patch_size", "temporal_patch_size"),
    ] {
        vision[own] = settings[key].clone();
    }
    parse(&config).unwrap()
}

fn processor(settings: &Value, spec: &ModelSpec) -> Result<ImageProcessor, String> {
    let source = MemorySource::new("settings").with(
        "preprocessor_config.json",
        settings.to_string().into_bytes(),
    );
    ImageProcessor::open(&source, spec).map_err(|error| error.to_string())
}

/// A picture's values as the processors of transformers give them: block by block, in a block patch by
/// patch, in a patch by channel, frame, row and column.
fn in_blocks(values: &PixelValues, tower: &TowerSpec) -> (Vec<usize>, Vec<u8>) {
    let (side, block) = (tower.patch_size, tower.blocks.unwrap());
    let frames = tower.frames.unwrap();
    let [rows, columns] = tower.grid(values.height, values.width).unwrap();
    let mut bytes = Vec::new();
    for (top, left) in places(rows / block, columns / block) {
        for (row, column) in places(block, block) {
            for channel in 0..3 {
                for (_, (y, x)) in (0..frames).flat_map(|t| places(side, side).map(move |p| (t, p)))
                {
                    let y = (top * block + row) * side + y;
                    let x = (left * block + column) * side + x;
                    let value = values.data[(channel * values.height + y) * values.width + x];
                    bytes.extend(value.to_le_bytes());
                }
            }
        }
    }
    (vec![rows * columns, 3 * frames * side * side], bytes)
}

fn places(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

#[test]
fn pictures_are_those_of_transformers() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for family in ["qwen2_vl", "qwen2_5_vl", "qwen3_vl"] {
        let file = golden::root().join("families").join(family);
        let index = std::fs::read(file.join("images.json")).unwrap();
        let index: Value = serde_json::from_slice(&index).unwrap();
        for group in index["settings"].as_array().unwrap() {
            let spec = model_for(family, &group["settings"]);
            let tower = &spec.vision().unwrap().tower;
            let processor = processor(&group["settings"], &spec).unwrap();
            for case in group["cases"].as_array().unwrap() {
                compared += 1;
                let size = |key: &str| case[key].as_u64().unwrap() as usize;
                let (width, height) = (size("width"), size("height"));
                let found = processor
                    .process("a picture", &picture(width, height))
                    .unwrap();
                let (plan, values) = (&found.plan, &found.pixel_values[0]);
                let (shape, bytes) = in_blocks(values, tower);
                let cells = plan.views[0].cells.unwrap();
                let places: Vec<_> = plan.places.iter().filter_map(|place| place.cell).collect();
                let text = plan.pieces.iter().map(|piece| match piece {
                    Piece::Placeholders(count) => format!("<|image_pad|>{{{count}}}"),
                    Piece::Scaffold(text) | Piece::Text(text) => text.clone(),
                });
                let patches = plan.views[0].patches;
                let same = case["shape"] == json!(shape)
                    && case["sha256"] == sha256(&bytes)
                    && case["grid_thw"] == json!([1, patches[0], patches[1]])
                    && case["placeholders"] == plan.tokens()
                    && case["text"] == text.collect::<String>()
                    && plan.features == plan.tokens()
                    && places.into_iter().eq(0..cells[0] * cells[1]);
                if !same {
                    wrong.push(format!("{family} {width} x {height}: {shape:?} for {case}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(compared, 60);
}

#[test]
fn both_spellings_of_the_bounds_mean_pixels() {
    let spec = parse(&config("qwen2_vl")).unwrap();
    let size = |settings: Value| -> Result<_, String> {
        let plan = processor(&settings, &spec)?.plan("it", 300, 200);
        let picture = &plan.map_err(|error| error.to_string())?.pictures[0];
        Ok((picture.height, picture.width))
    };
    assert_eq!(size(json!({})), Ok((308, 196)));
    let edges = json!({"shortest_edge": 100, "longest_edge": 20_000});
    assert_eq!(size(json!({"size": edges})), Ok((168, 112)));
    // What stands outside goes before.
    let both = json!({"size": edges, "min_pixels": 3136, "max_pixels": 5000});
    assert_eq!(size(both), Ok((84, 56)));
    let one = size(json!({"size": {"shortest_edge": 100}})).unwrap_err();
    assert!(one.contains("size.longest_edge"), "{one}");
    let kept = size(json!({"do_resize": false})).unwrap_err();
    assert!(kept.contains("multiples of 28"), "{kept}");
}

#[test]
fn what_a_picture_or_its_processor_must_not_be_is_told() {
    let spec = parse(&config("qwen3_vl")).unwrap();
    let own = json!({"patch_size": 16});
    let long = processor(&own, &spec).unwrap().plan("long", 1, 201);
    let long = long.unwrap_err().to_string();
    assert!(
        long.contains("200 to 1") && long.contains("201 x 1"),
        "{long}"
    );
    assert!(processor(&own, &spec).unwrap().plan("long", 1, 200).is_ok());
    for (settings, named) in [
        (json!({}), "patch_size"),
        (json!({"patch_size": 16, "merge_size": 4}), "merge_size"),
        (
            json!({"patch_size": 16, "temporal_patch_size": 1}),
            "temporal_patch_size",
        ),
        (
            json!({"patch_size": 16, "image_processor_type": "ViTImageProcessor"}),
            "image_processor_type",
        ),
        (json!({"patch_size": 16, "min_pixels": 0}), "min_pixels"),
    ] {
        let error = processor(&settings, &spec).unwrap_err();
        assert!(error.contains(named), "{settings}: {error}");
    }
}

#[test]
fn what_a_configuration_must_not_say_is_told() {
    let cases = [
        (
            "qwen2_vl",
            "/vision_config/num_heads",
            json!(4),
            "vision_config.num_heads",
        ),
        (
            "qwen2_vl",
            "/vision_config/hidden_size",
            json!(8),
            "vision_config.hidden_size",
        ),
        (
            "qwen2_vl",
            "/vision_config/temporal_patch_size",
            json!([2, 1]),
            "temporal_patch_size",
        ),
        (
            "qwen2_vl",
            "/vision_config/in_channels",
            json!(1),
            "in_channels",
        ),
        ("qwen2_vl", "/head_dim", json!(4), "head_dim"),
        ("qwen2_vl", "/image_token_id", json!(9), "image_token_id"),
        (
            "qwen2_vl",
            "/rope_scaling/mrope_section",
            json!([2, 1, 2]),
            "mrope_section",
        ),
        (
            "qwen2_vl",
            "/rope_scaling/mrope_section",
            json!([4]),
            "mrope_section",
        ),
        (
            "qwen2_vl",
            "/rope_scaling",
            json!({"type": "dynamic", "factor": 2.0,
            "mrope_section": [2, 1, 1]}),
            "rope_scaling",
        ),
        (
            "qwen2_5_vl",
            "/vision_config/out_hidden_size",
            json!(8),
            "out_hidden_size",
        ),
        (
            "qwen2_5_vl",
            "/vision_config/window_size",
            json!(27),
            "window_size",
        ),
        (
            "qwen2_5_vl",
            "/vision_config/fullatt_block_indexes",
            json!([-1]),
            "fullatt_block_indexes",
        ),
        (
            "qwen3_vl",
            "/vision_config/deepstack_visual_indexes",
            json!([2]),
            "deepstack_visual_indexes",
        ),
        (
            "qwen3_vl",
            "/vision_config/deepstack_visual_indexes",
            json!([1, 1]),
            "deepstack_visual_indexes",
        ),
        (
            "qwen3_vl",
            "/vision_config/num_position_embeddings",
            json!(5),
            "num_position_embeddings",
        ),
        (
            "qwen3_vl",
            "/vision_config/rope_parameters",
            json!({"rope_type": "default"}),
            "rope_type",
        ),
    ];
    for (family, place, value, named) in cases {
        let mut config = config(family);
        parse(&config).unwrap();
        let (above, key) = place.rsplit_once('/').unwrap();
        config.pointer_mut(above).unwrap()[key] = value;
        let error = parse(&config).unwrap_err();
        assert!(error.contains(named), "{family} {place}: {error}");
    }
}

#[test]
fn either_place_ties_the_head_but_in_the_third_generation() {
    for (family, inner) in [("qwen2_vl", true), ("qwen3_vl", false)] {
        let mut config = config(family);
        if config.get("text_config").is_none() {
            config["text_config"] = config.clone();
        }
        config["text_config"]["tie_word_embeddings"] = json!(true);
        assert_eq!(parse(&config).unwrap().text.tie_word_embeddings, inner);
        config["tie_word_embeddings"] = json!(true);
        assert!(parse(&config).unwrap().text.tie_word_embeddings);
    }
}

#[test]
fn published_sizes_have_as_many_parameters_as_in_transformers() {
    let rope = json!({"type": "mrope", "mrope_section": [16, 24, 24]});
    let two = json!({
        "architectures": ["Qwen2VLForConditionalGeneration"], "hidden_size": 1536,
        "intermediate_size": 8960, "num_hidden_layers": 28, "num_attention_heads": 12,
        "num_key_value_heads": 2, "vocab_size": 151_936, "tie_word_embeddings": true,
        "rope_scaling": rope, "image_token_id": 151_655, "vision_config": {"depth": 32,
        "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "in_chans": 3, "hidden_size": 1536,
        "patch_size": 14, "spatial_merge_size": 2, "spatial_patch_size": 14, "temporal_patch_size": 2}
    });
    let half = json!({
        "architectures": ["Qwen2_5_VLForConditionalGeneration"], "hidden_size": 3584,
        "intermediate_size": 18_944, "num_hidden_layers": 28, "num_attention_heads": 28,
        "num_key_value_heads": 4, "vocab_size": 152_064, "tie_word_embeddings": false,
        "rope_scaling": rope, "vision_config": {"depth": 32, "hidden_size": 1280,
        "intermediate_size": 3420, "out_hidden_size": 3584, "fullatt_block_indexes": [7, 15, 23, 31],
        "window_size": 112, "tokens_per_second": 2}
    });
    let three = json!({
        "architectures": ["Qwen3VLForConditionalGeneration"], "tie_word_embeddings": true,
        "text_config": {"hidden_size": 2560, "intermediate_size": 9728, "num_hidden_layers": 36,
        "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151_936,
        "rope_scaling": {"mrope_interleaved": true, "mrope_section": [24, 20, 20]}},
        "vision_config": {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096,
        "out_hidden_size": 2560, "deepstack_visual_indexes": [5, 11, 17], "model_type": "qwen3_vl"}
    });
    // Counted by transformers 5.23: parameters and tensors.
    for (config, expected) in [
        (two, (2_208_985_600, 729)),
        (half, (8_292_166_656, 729)),
        (three, (4_437_815_808, 713)),
    ] {
        let parameters = model::parameters(&parse(&config).unwrap());
        let sum: u64 = parameters.iter().map(model::Parameter::elements).sum();
        assert_eq!((sum, parameters.len()), expected, "{config}");
    }
}
