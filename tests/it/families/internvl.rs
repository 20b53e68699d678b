//! InternVL.

use mirscope::families;
use serde_json::{Value, json};

use super::images::{differences, index, picture, processor, text};

/// A model for pictures of `side` pixels in patches of `patch`, four of them a token.
fn config(side: u64, patch: u64) -> Value {
    json!({
        "architectures": ["InternVLForConditionalGeneration"],
        "image_token_id": 3,
        "text_config": {"model_type": "qwen2", "hidden_size": 8, "intermediate_size": 8,
            "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 1,
            "vocab_size": 10},
        "vision_config": {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
            "num_hidden_layers": 2, "image_size": [side, side], "patch_size": [patch, patch]},
    })
}

#[test]
fn pictures_are_those_of_transformers() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for group in index("internvl")["settings"].as_array().unwrap() {
        let settings = &group["settings"];
        let side = settings["size"]["height"].as_u64().unwrap();
        if settings["size"]["width"] != side {
            // No tower takes it.
            let error = processor(&config(side, 1), settings, &json!({}), true).unwrap_err();
            assert!(error.contains("equal height and width"), "{error}");
            continue;
        }
        let counted = group["image_seq_length"].as_u64().unwrap();
        // As many tokens as the file has where a picture can be cut into as many patches.
        let patch = (side / (2 * counted.isqrt())).max(1);
        let tokens = (side / patch / 2).pow(2);
        let around = json!({"image_seq_length": tokens});
        let nested = compared > 10;
        let processor = processor(&config(side, patch), settings, &around, nested).unwrap();
        for case in group["cases"].as_array().unwrap() {
            compared += 1;
            let size = |key: &str| case[key].as_u64().unwrap() as usize;
            let (width, height) = (size("width"), size("height"));
            let image = picture(width, height);
            let processed = processor.process("a picture", &image).unwrap();
            let mut found = differences(case, &processed);
            let pictures = size("num_patches");
            let counts = |tokens: u64| format!("{{{}}}", tokens * pictures as u64);
            let expected = case["text"].as_str().unwrap();
            let expected = expected.replace(&counts(counted), &counts(tokens));
            if text(&processed, "<IMG_CONTEXT>") != expected {
                found.push("text".to_owned());
            }
            if processed.plan.tokens() * counted as usize != size("placeholders") * tokens as usize
            {
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
fn what_it_cannot_take_is_refused() {
    let settings = json!({"size": {"height": 32, "width": 32}});
    let refused = |config: &Value, settings: &Value, tokens: Value, named: &[&str]| {
        let around = json!({"image_seq_length": tokens});
        let error = processor(config, settings, &around, true).unwrap_err();
        for name in named {
            assert!(error.contains(name), "{error} does not name {name}");
        }
    };
    let own = config(32, 8);
    assert!(processor(&own, &settings, &json!({"image_seq_length": 4}), true).is_ok());
    refused(
        &own,
        &settings,
        json!(null),
        &["image_seq_length", "4", "256"],
    );
    let set = |key: &str, value: Value| {
        let mut other = settings.clone();
        other[key] = value;
        other
    };
    let class = set("image_processor_type", json!("SiglipImageProcessor"));
    refused(&own, &class, json!(4), &["GotOcr2ImageProcessor"]);
    let oblong = set("size", json!({"height": 32, "width": 40}));
    refused(&own, &oblong, json!(4), &["size", "equal"]);
    refused(
        &own,
        &set("max_patches", json!(1000)),
        json!(4),
        &["max_patches", "256"],
    );
    let mut as_it_is = set("max_patches", json!(1));
    as_it_is["do_resize"] = json!(false);
    refused(&own, &as_it_is, json!(4), &["do_resize"]);
    for (key, value, named) in [
        (
            "downsample_ratio",
            json!(0.3),
            ["downsample_ratio", "one over"],
        ),
        (
            "vision_feature_layer",
            json!([-1, -2]),
            ["vision_feature_layer", "index"],
        ),
        (
            "vision_feature_layer",
            json!(3),
            ["vision_feature_layer", "index"],
        ),
        (
            "vision_feature_select_strategy",
            json!("full"),
            ["vision_feature_select_strategy", "default"],
        ),
        (
            "image_token_id",
            json!(10),
            ["image_token_id", "vocab_size"],
        ),
        (
            "downsample_ratio",
            json!(0.2),
            ["downsample_ratio", "divisor of 4"],
        ),
    ] {
        let mut wrong = own.clone();
        wrong[key] = value;
        refused(&wrong, &settings, json!(4), &named);
    }
    for (key, value) in [
        ("norm_type", json!("batch_norm")),
        ("use_absolute_position_embeddings", json!(false)),
        ("image_size", json!([32, 40])),
    ] {
        let mut wrong = own.clone();
        wrong["vision_config"][key] = value;
        refused(&wrong, &settings, json!(4), &[key]);
    }
}

#[test]
fn the_norm_belongs_to_the_last_layer_alone() {
    let normed = |layer: i64, pooled: bool| {
        let mut config = config(32, 8);
        config["vision_feature_layer"] = json!(layer);
        config["vision_config"]["use_mean_pooling"] = json!(pooled);
        let spec = families::parse("config.json", &config.to_string()).unwrap();
        spec.vision().unwrap().normed_features
    };
    assert!(normed(-1, false));
    assert!(!normed(-1, true) && !normed(2, false) && !normed(-2, false));
}
