//! Connectors by their keys in config.json, and modality calibration.

use std::sync::Arc;

use mirscope::{
    families::{self, ConnectorKind, ModelSpec},
    model::{Assembly, Checkpoint, parameters},
    weights::MemorySource,
};
use serde_json::{Value, json};

use super::build;
use crate::golden;

/// The small configuration (a CLIP tower of 2 x 2 patches and width 12) with more keys.
fn with(keys: &Value) -> Value {
    let mut config = build::config();
    for (key, value) in keys.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

fn parse(keys: &Value) -> Result<ModelSpec, String> {
    families::parse("config.json", &with(keys).to_string()).map_err(|error| error.to_string())
}

#[test]
fn golden_checkpoints_are_what_they_were_made_as() {
    for case in golden::connectors() {
        let config = case.checkpoint().spec;
        let expected = match case.name.as_str() {
            "linear_moca" => ConnectorKind::LINEAR,
            "mlp4x_gelu" => ConnectorKind::Mlp { layers: 4 },
            "average_pool" => ConnectorKind::AveragePool { side: 3 },
            "attention_pool_moca_bf16" => ConnectorKind::AttentionPool {
                tokens: 7,
                heads: 3,
            },
            "c_abstractor_bf16" => ConnectorKind::CAbstractor {
                side: 4,
                hidden_size: 22,
                depth: 2,
            },
            "c_abstractor_defaults_f16" => ConnectorKind::CAbstractor {
                side: 2,
                hidden_size: 18,
                depth: 3,
            },
            "pixel_shuffle" => ConnectorKind::PixelShuffle {
                scale: 3,
                normed: false,
                layers: 1,
            },
            other => panic!("nothing is known of {other}"),
        };
        assert_eq!(config.vision().unwrap().connector.kind, expected);
        assert_eq!(config.architecture, "FamilyLlava");
        assert_eq!(config.text.use_moca, case.name.contains("moca"));
        let (shape, _) = case.tensor("image_features");
        let kind = config.vision().unwrap().connector.kind;
        if let Some(side) = config.vision().unwrap().token_grid() {
            assert_eq!(
                side * side,
                config.vision().unwrap().num_image_tokens(),
                "{}",
                case.name
            );
        }
        let found = [
            config.vision().unwrap().num_image_tokens(),
            config.text.hidden_size,
        ];
        assert_eq!(shape, found, "{}", case.name);
        assert!(case.name.contains(&kind.name()));
    }
}

#[test]
fn impossible_connectors_name_their_field() {
    let c_abstractor = json!({"mm_projector_type": "c_abstractor", "mm_projector_tokens": 4});
    let cases = [
        (
            "mm_projector_type",
            json!({"mm_projector_type": "mlp9x_gelu"}),
        ),
        (
            "mm_projector_type",
            json!({"mm_projector_type": "mlp1x_gelu"}),
        ),
        (
            "mm_projector_tokens",
            json!({"mm_projector_type": "average_pool"}),
        ),
        (
            "mm_projector_tokens",
            json!({"mm_projector_type": "average_pool", "mm_projector_tokens": 5}),
        ),
        (
            "mm_projector_tokens",
            json!({"mm_projector_type": "average_pool", "mm_projector_tokens": 9e18}),
        ),
        (
            "mm_projector_tokens",
            json!({"mm_projector_type": "attention_pool", "mm_projector_heads": 2}),
        ),
        (
            "mm_projector_heads",
            json!({"mm_projector_type": "attention_pool", "mm_projector_tokens": 5}),
        ),
        (
            "mm_projector_heads",
            json!({"mm_projector_type": "attention_pool", "mm_projector_tokens": 5,
                "mm_projector_heads": 5}),
        ),
        (
            "mm_projector_scale",
            json!({"mm_projector_type": "pixel_shuffle"}),
        ),
        (
            "vision_feature_layer",
            json!({"mm_projector_type": "pixel_shuffle", "mm_projector_scale": 2,
                "vision_feature_layer": [1, 2]}),
        ),
        (
            "vision_feature_select_strategy",
            json!({"mm_projector_type": "average_pool", "mm_projector_tokens": 1,
                "vision_feature_select_strategy": "full"}),
        ),
        ("use_moca", json!({"use_moca": 1})),
    ];
    for (field, keys) in cases {
        let error = parse(&keys).unwrap_err();
        assert!(error.starts_with("config.json: "), "{error}");
        assert!(error.contains(&format!("`{field}`")), "{keys}: {error}");
    }
    for (field, value) in [
        ("mm_projector_hidden_size", json!(2)),
        ("mm_projector_depth", json!(0)),
        ("mm_projector_depth", json!(1_000_000)),
    ] {
        let mut keys = c_abstractor.clone();
        keys[field] = value;
        let error = parse(&keys).unwrap_err();
        assert!(error.contains(&format!("`{field}`")), "{keys}: {error}");
    }
    assert!(parse(&c_abstractor).is_ok());
}

#[test]
fn squares_of_patches_fill_the_picture() {
    let keys = |scale: usize| {
        with(&json!({"mm_projector_type": "pixel_shuffle", "mm_projector_scale": scale}))
    };
    assert!(build::open(&keys(2), &build::tensors(&keys(2))).is_ok());
    let mut whole = keys(3);
    whole["vision_config"]["image_size"] = json!(21);
    assert!(build::open(&whole, &build::tensors(&whole)).is_ok());
    let mut broken = whole;
    broken["mm_projector_scale"] = json!(2);
    let error = build::open(&broken, &build::tensors(&broken));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`mm_projector_scale`"), "{error}");
    assert!(error.contains("divisor of 3"), "{error}");
}

#[test]
fn queries_may_look_at_the_class_token() {
    let keys = json!({"mm_projector_type": "attention_pool", "mm_projector_tokens": 5,
        "mm_projector_heads": 4, "vision_feature_select_strategy": "full"});
    assert_eq!(
        parse(&keys).unwrap().vision().unwrap().num_image_tokens(),
        5
    );
}

#[test]
fn the_c_abstractor_has_a_position_for_each_patch() {
    let keys = json!({"mm_projector_type": "c_abstractor", "mm_projector_tokens": 1});
    let expected = parameters(&parse(&keys).unwrap());
    let tensor = |name: &str| {
        let wanted = format!("multi_modal_projector.{name}");
        let found = expected.iter().find(|tensor| tensor.name == wanted);
        found.map(|tensor| tensor.shape.as_slice())
    };
    assert_eq!(tensor("pos_emb"), Some(&[1, 4, 12][..]));
    assert_eq!(tensor("net.2.b3.se.fc1.weight"), Some(&[3, 12, 1, 1][..]));
    assert_eq!(tensor("net.0.b1.downsample.conv.weight"), None);
    assert_eq!(tensor("linear_1.weight"), None);
}

#[test]
fn weights_of_another_connector_contradict_the_configuration() {
    let c_abstractor =
        with(&json!({"mm_projector_type": "c_abstractor", "mm_projector_tokens": 1}));
    let mut tensors = build::tensors(&c_abstractor);
    assert!(build::open(&c_abstractor, &tensors).is_ok());
    let first = "multi_modal_projector.linear_1.weight";
    tensors.insert(first.into(), build::counted(&[8, 12], 0.0));
    let error = build::open(&c_abstractor, &tensors)
        .unwrap_err()
        .to_string();
    assert!(error.contains(first), "{error}");
    assert!(
        error.contains("`mm_projector_type` = c_abstractor"),
        "{error}"
    );

    let calibrated = with(&json!({"use_moca": true}));
    let tensors = build::tensors(&calibrated);
    assert!(build::open(&calibrated, &tensors).is_ok());
    let error = build::open(&build::config(), &tensors)
        .unwrap_err()
        .to_string();
    assert!(error.contains("modality_layernorm"), "{error}");
    assert!(error.contains("`use_moca` = false"), "{error}");
    let error = build::open(&calibrated, &build::tensors(&build::config()));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("layers.0.modality_layernorm.scale` is missing"),
        "{error}"
    );
}

/// What `config.json` beside a connector says is taken, or told where it cannot be read.
#[test]
fn the_configuration_beside_a_connector_counts() {
    let folder = |config: &str| {
        let source = MemorySource::new("a folder");
        Arc::new(source.with("config.json", config.as_bytes().to_vec()))
    };
    let whole = build::config().to_string();
    let reason = |beside: &str| {
        let opened = Checkpoint::assemble(Assembly {
            base: folder(&whole),
            tower: folder(&whole),
            connector: Some((folder(beside), "mm_projector.bin".to_owned())),
        });
        opened.map(|_| ()).unwrap_err().to_string()
    };
    let damaged = reason("{\"mm_projector_type\": ");
    assert!(damaged.contains("JSON"), "{damaged}");
    // Its weights may be quantized: the connector's are not.
    let other = json!({
        "quantization_config": {"quant_method": "bitsandbytes"},
        "mm_projector_type": "mlp9x_gelu"
    });
    let unknown = reason(&other.to_string());
    assert!(unknown.contains("mm_projector_type"), "{unknown}");
}
