//! Quantized weights are refused by the name of their method, whatever the rest looks like.

use mirscope::families;
use safetensors::Dtype;
use serde_json::{Value, json};

use super::build;

#[test]
fn the_method_is_named_wherever_it_stands() {
    let cases: [(Value, &str); 10] = [
        (
            json!({"quant_method": "bitsandbytes", "load_in_4bit": true}),
            "bitsandbytes (4 bits)",
        ),
        // As older versions wrote it.
        (json!({"load_in_8bit": true}), "bitsandbytes (8 bits)"),
        (
            json!({"quant_method": "gptq", "bits": 4, "group_size": 128}),
            "gptq (4 bits)",
        ),
        (
            json!({"quant_method": "awq", "bits": 4, "version": "gemm"}),
            "awq (4 bits)",
        ),
        (
            json!({"quant_method": "compressed-tensors", "format": "pack-quantized"}),
            "compressed-tensors",
        ),
        (
            json!({"quant_method": "fp8", "activation_scheme": "dynamic"}),
            "fp8",
        ),
        (json!({"quant_algo": "NVFP4"}), "NVFP4"),
        (json!({"group_size": 64, "bits": 4}), "MLX (4 bits)"),
        (json!({"something": 1}), "a method without a name"),
        (json!("torchao"), "torchao"),
    ];
    // The tensors fit: only the configuration tells.
    let tensors = build::tensors(&build::config());
    for (description, method) in cases {
        for place in ["", "text_config", "vision_config"] {
            let mut config = build::config();
            let section = if place.is_empty() {
                &mut config
            } else {
                &mut config[place]
            };
            section["quantization_config"] = description.clone();
            let error = build::open(&config, &tensors).unwrap_err().to_string();
            let field = format!("{place}.quantization_config`");
            assert!(error.starts_with("config.json: "), "{error}");
            assert!(error.contains(field.trim_start_matches('.')), "{error}");
            assert!(error.contains(&format!("quantized by {method}")), "{error}");
            assert!(error.contains("F32, F16 or BF16"), "{error}");
        }
    }
    for key in ["quantization", "compression_config"] {
        let mut config = build::config();
        config[key] = json!({"quant_method": "some", "bits": 3});
        let error = build::open(&config, &tensors).unwrap_err().to_string();
        assert!(
            error.contains(key) && error.contains("some (3 bits)"),
            "{error}"
        );
    }
}

#[test]
fn it_is_asked_before_anything_else() {
    let config = json!({
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "quantization_config": {"quant_method": "awq"},
        "text_config": 7
    });
    let error = families::parse("config.json", &config.to_string()).unwrap_err();
    assert!(error.to_string().contains("quantized by awq"), "{error}");
}

#[test]
fn nothing_is_quantized_by_nothing() {
    let tensors = build::tensors(&build::config());
    for nothing in [json!(null), json!({}), json!(false)] {
        let mut config = build::config();
        config["quantization_config"] = nothing;
        build::open(&config, &tensors).unwrap();
    }
}

#[test]
fn names_of_tensors_tell_as_well() {
    let name = "language_model.layers.1.mlp.up_proj";
    for (ending, method) in [
        ("qweight", "GPTQ or AWQ"),
        ("weight_scale_inv", "fp8"),
        ("weight_packed", "compressed-tensors"),
        ("SCB", "bitsandbytes"),
        ("weight.absmax", "bitsandbytes"),
    ] {
        let mut tensors = build::tensors(&build::config());
        let tensor = (Dtype::U8, vec![4], vec![0; 4]);
        tensors.insert(format!("{name}.{ending}"), tensor);
        let error = build::open(&build::config(), &tensors)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("model.safetensors: "), "{error}");
        assert!(error.contains(method) && error.contains(name), "{error}");
    }
}
