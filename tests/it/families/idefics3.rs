//! Idefics3 and SmolVLM.

use serde_json::{Value, json};

use super::images::{differences, index, picture, processor, text};

/// A model that makes `tokens` tokens of a picture of `side` pixels.
fn config(side: u64, patch: u64) -> Value {
    json!({
        "architectures": ["Idefics3ForConditionalGeneration"],
        "image_token_id": 3,
        "scale_factor": 1,
        "text_config": {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
            "num_hidden_layers": 1, "vocab_size": 10},
        "vision_config": {"hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2,
            "num_hidden_layers": 1, "image_size": side, "patch_size": patch},
    })
}

#[test]
fn pictures_are_those_of_transformers() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (family, nested) in [("idefics3", false), ("smolvlm", true)] {
        for group in index(family)["settings"].as_array().unwrap() {
            let settings = &group["settings"];
            let side = settings["max_image_size"]["longest_edge"].as_u64().unwrap();
            let counted = group["image_seq_len"].as_u64().unwrap();
            // About as many tokens as the file has, for a picture has to be cut into patches.
            let tokens = (side / (side / counted.isqrt())).pow(2);
            let config = config(side, side / counted.isqrt());
            let around = json!({"image_seq_len": tokens});
            let processor = processor(&config, settings, &around, nested).unwrap();
            for case in group["cases"].as_array().unwrap() {
                compared += 1;
                let size = |key: &str| case[key].as_u64().unwrap() as usize;
                let (width, height) = (size("width"), size("height"));
                let image = picture(width, height);
                let processed = processor.process("a picture", &image).unwrap();
                let mut found = differences(case, &processed);
                let counts = |tokens: u64| format!("{{{tokens}}}");
                let expected = case["text"].as_str().unwrap();
                let expected = expected.replace(&counts(counted), &counts(tokens));
                if text(&processed, "<image>") != expected {
                    found.push("text".to_owned());
                }
                if processed.plan.tokens() * counted as usize
                    != size("placeholders") * tokens as usize
                {
                    found.push("placeholders".to_owned());
                }
                if !found.is_empty() {
                    wrong.push(format!(
                        "{family} {width} x {height}, {settings}: {found:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 60, "only {compared} pictures");
}

#[test]
fn what_it_cannot_take_is_refused() {
    let settings = json!({"max_image_size": {"longest_edge": 32}});
    let refused = |config: &Value, settings: &Value, tokens: Value, named: &[&str]| {
        let around = json!({"image_seq_len": tokens});
        let error = processor(config, settings, &around, true).unwrap_err();
        for name in named {
            assert!(error.contains(name), "{error} does not name {name}");
        }
    };
    let own = config(32, 8);
    assert!(processor(&own, &settings, &json!({"image_seq_len": 16}), true).is_ok());
    refused(&own, &settings, json!(17), &["image_seq_len", "16", "17"]);
    refused(
        &own,
        &settings,
        json!(null),
        &["image_seq_len", "16", "169"],
    );
    let mut other = settings.clone();
    other["image_processor_type"] = json!("SiglipImageProcessor");
    refused(&own, &other, json!(16), &["Idefics3ImageProcessor"]);
    other = settings.clone();
    other["size"] = json!({"shortest_edge": 30});
    refused(&own, &other, json!(16), &["size", "longest_edge"]);
    other = json!({"max_image_size": {"height": 32}});
    refused(&own, &other, json!(16), &["max_image_size.longest_edge"]);
    let mut wrong = own.clone();
    wrong["scale_factor"] = json!(3);
    refused(
        &wrong,
        &settings,
        json!(1),
        &["scale_factor", "divisor of 4"],
    );
    wrong = own.clone();
    wrong["image_token_id"] = json!(10);
    refused(
        &wrong,
        &settings,
        json!(16),
        &["image_token_id", "vocab_size"],
    );
    let many = json!({"max_image_size": {"longest_edge": 32}, "do_resize": false});
    let processor = processor(&own, &many, &json!({"image_seq_len": 16}), false).unwrap();
    let error = processor
        .plan("a picture", 2000, 1800)
        .unwrap_err()
        .to_string();
    assert!(error.contains("1024 tiles"), "{error}");
}
