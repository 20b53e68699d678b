//! config.json in its two layouts, its defaults and its errors.

use mirscope::{
    families::{self, Activation, ConnectorKind, FeatureSelect, ModelSpec, RopeScaling, TowerKind},
    weights::WeightsError,
};
use serde_json::{Value, json};

use super::build;

fn parse(config: &Value) -> Result<ModelSpec, WeightsError> {
    families::parse("config.json", &config.to_string())
}

#[test]
fn absent_fields_take_the_class_defaults() {
    // What the config classes of transformers 5.23 give for the same input.
    // (The image token's default, 32000, lies outside the default vocabulary.)
    let config = parse(&json!({"model_type": "llava", "image_token_index": 31999})).unwrap();
    let v = &config.vision().unwrap().tower;
    assert_eq!(v.kind, TowerKind::Clip);
    assert_eq!(
        (v.hidden_size, v.intermediate_size, v.num_hidden_layers),
        (1024, 4096, 24)
    );
    assert_eq!((v.image_size, v.patch_size, v.head_dim()), (336, 14, 64));
    assert_eq!(v.activation, Activation::QuickGelu);
    assert_eq!(config.vision().unwrap().num_image_tokens(), 576);
    assert_eq!(config.vision().unwrap().feature_states(), [23]);
    assert_eq!(
        config.vision().unwrap().feature_select,
        FeatureSelect::Default
    );
    let t = &config.text;
    assert_eq!(
        (t.hidden_size, t.intermediate_size, t.num_hidden_layers),
        (4096, 11008, 32)
    );
    assert_eq!((t.vocab_size, t.max_position_embeddings), (32000, 2048));
    assert_eq!((t.num_key_value_heads, t.head_dim), (32, 128));
    assert_eq!((t.rms_norm_eps, t.rope_theta), (1e-6, 10_000.0));
    assert!(!t.tie_word_embeddings && !t.attention_bias && !t.mlp_bias);
    let c = &config.vision().unwrap().connector;
    assert_eq!(
        (c.kind, c.activation),
        (ConnectorKind::LLAVA, Activation::Gelu)
    );
    assert!(c.bias);
    assert_eq!(
        (config.bos_token_id, config.eos_token_id),
        (Some(1), Some(2))
    );
}

#[test]
fn a_section_without_fields_takes_the_base_size() {
    let siglip = parse(&json!({
        "model_type": "llava", "image_token_index": 3,
        "vision_config": {"model_type": "siglip_vision_model"},
        "vision_feature_select_strategy": "full", "vision_feature_layer": [-1, 2]
    }))
    .unwrap();
    let v = &siglip.vision().unwrap().tower;
    assert_eq!(
        (v.hidden_size, v.patch_size, v.num_hidden_layers),
        (768, 16, 12)
    );
    assert_eq!(v.activation, Activation::GeluTanh);
    assert_eq!(v.layer_norm_eps, 1e-6);
    assert_eq!(siglip.vision().unwrap().num_image_tokens(), 196);
    assert_eq!(siglip.vision().unwrap().feature_states(), [12, 2]);
    assert_eq!(siglip.vision().unwrap().connector.in_features, 2 * 768);
}

#[test]
fn rotary_settings_of_both_layouts() {
    let mut old = build::config();
    old["text_config"]["rope_scaling"] = json!({"type": "linear", "factor": 2.0});
    let mut new = build::config();
    new["text_config"]
        .as_object_mut()
        .unwrap()
        .remove("rope_theta");
    new["text_config"]["rope_parameters"] =
        json!({"rope_type": "linear", "factor": 2.0, "rope_theta": 500.0});
    for config in [old, new] {
        let text = parse(&config).unwrap().text;
        assert_eq!(text.rope_theta, 500.0);
        assert_eq!(text.rope_scaling, RopeScaling::Linear { factor: 2.0 });
        // head_dim 4: theta^0 / 2, theta^(-1/2) / 2.
        let freq = text.rope(false, 64).0;
        assert_eq!(freq.len(), 2);
        assert_eq!(freq[0], 0.5);
        assert!((freq[1] - 0.5 / 500.0_f32.sqrt()).abs() < 1e-9);
    }
    let mut llama3 = build::config();
    llama3["text_config"]["rope_scaling"] = json!({
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64
    });
    // Wavelengths 2 pi (below 64 / 4, kept) and 140 (above 64, divided by 8).
    let freq = parse(&llama3).unwrap().text.rope(false, 64).0;
    assert_eq!(freq[0], 1.0);
    assert!((freq[1] - 500.0_f32.sqrt().recip() / 8.0).abs() < 1e-9);
}

/// Sets the value at a dotted path.
fn set(config: &mut Value, path: &str, value: Value) {
    let pointer = format!("/{}", path.replace('.', "/"));
    match config.pointer_mut(&pointer) {
        Some(slot) => *slot = value,
        None => {
            let (parent, key) = path.rsplit_once('.').unwrap_or(("", path));
            let parent = if parent.is_empty() {
                String::new()
            } else {
                format!("/{}", parent.replace('.', "/"))
            };
            config.pointer_mut(&parent).unwrap()[key] = value;
        }
    }
}

#[test]
fn impossible_values_name_their_field() {
    let cases = [
        ("text_config.hidden_size", json!(0)),
        ("text_config.hidden_size", json!(-8)),
        ("text_config.hidden_size", json!(1e300)),
        ("text_config.hidden_size", json!("8")),
        ("text_config.hidden_size", json!(9223372036854775807_u64)),
        ("text_config.num_attention_heads", json!(3)),
        ("text_config.num_key_value_heads", json!(4)),
        ("text_config.head_dim", json!(3)),
        ("text_config.rms_norm_eps", json!(0)),
        ("text_config.rope_theta", json!(1e60)),
        ("text_config.hidden_act", json!("prelu")),
        ("text_config.model_type", json!("mamba")),
        (
            "text_config.rope_scaling",
            json!({"type": "longrope", "factor": 2}),
        ),
        ("text_config.rope_scaling", json!({"type": "linear"})),
        ("text_config.partial_rotary_factor", json!(0.5)),
        ("vision_config.model_type", json!("pixtral")),
        ("vision_config.patch_size", json!(15)),
        ("vision_config.image_size", json!([14, 28])),
        ("vision_config.num_attention_heads", json!(5)),
        ("vision_config.num_channels", json!(4)),
        ("vision_config", json!([1])),
        ("vision_feature_layer", json!(3)),
        ("vision_feature_layer", json!(-4)),
        ("vision_feature_layer", json!([])),
        ("vision_feature_layer", json!("last")),
        ("vision_feature_select_strategy", json!("cls")),
        ("image_token_index", json!(32)),
        ("projector_hidden_act", json!("maxout")),
        ("multimodal_projector_bias", json!("yes")),
        ("mm_projector_type", json!("qformer")),
        ("architectures", json!(["Blip2ForConditionalGeneration"])),
    ];
    for (path, value) in cases {
        let mut config = build::config();
        set(&mut config, path, value.clone());
        let error = parse(&config).unwrap_err().to_string();
        assert!(error.starts_with("config.json: "), "{error}");
        assert!(error.contains(path), "{path} = {value}: {error}");
    }
}

#[test]
fn an_unknown_architecture_lists_what_is_supported() {
    let mut config = build::config();
    config["architectures"] = json!(["Blip2ForConditionalGeneration"]);
    let error = parse(&config).unwrap_err().to_string();
    assert!(error.contains("Blip2ForConditionalGeneration"), "{error}");
    assert!(error.contains("LlavaForConditionalGeneration"), "{error}");
}
