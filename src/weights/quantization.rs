//! Whether a configuration says that its weights are quantized.
//!
//! This is asked before anything else: quantized tensors may have the names and shapes of plain
//! ones, and would then be read as numbers that they are not.

use serde_json::{Map, Value};

use crate::weights::error::WeightsError;

/// Keys under which libraries describe how they quantized the weights: transformers, older
/// compressed-tensors, MLX.
const KEYS: [&str; 3] = ["quantization_config", "compression_config", "quantization"];

/// How deep sections may lie in each other.
const DEEPEST: usize = 4;

/// Refuses quantized weights by the name of their method, wherever the configuration describes it.
///
/// # Errors
/// [`WeightsError::Quantized`].
pub(crate) fn refuse(file: &str, map: &Map<String, Value>) -> Result<(), WeightsError> {
    match find(map, "", DEEPEST) {
        None => Ok(()),
        Some((field, method)) => Err(WeightsError::Quantized {
            file: file.into(),
            field,
            method,
        }),
    }
}

/// The method that quantized a model with a tensor of this name: what it keeps beside the weights, or in
/// their place.
pub(crate) fn quantized_by(name: &str) -> Option<&'static str> {
    const MARKS: [(&str, &str); 9] = [
        (".qweight", "GPTQ or AWQ"),
        (".qzeros", "GPTQ or AWQ"),
        (".weight_packed", "compressed-tensors"),
        (".weight_scale", "compressed-tensors or fp8"),
        (".weight_scale_inv", "fp8"),
        (".SCB", "bitsandbytes"),
        (".absmax", "bitsandbytes"),
        (".quant_map", "bitsandbytes"),
        (".quant_state.bitsandbytes__nf4", "bitsandbytes"),
    ];
    let mark = MARKS.iter().find(|(ending, _)| name.ends_with(ending));
    mark.map(|(_, method)| *method)
}

/// Path of the first description, and the method in it.
fn find(map: &Map<String, Value>, path: &str, deep: usize) -> Option<(String, String)> {
    let here = KEYS.iter().find_map(|key| {
        let method = method(map.get(*key)?)?;
        Some((format!("{path}{key}"), method))
    });
    if here.is_some() || deep == 0 {
        return here;
    }
    let mut sections = map.iter().filter_map(|(key, value)| match value {
        Value::Object(section) => Some((key, section)),
        _ => None,
    });
    sections.find_map(|(key, section)| find(section, &format!("{path}{key}."), deep - 1))
}

/// The method's name, with the bits where it is told apart by them; none where nothing is quantized.
fn method(description: &Value) -> Option<String> {
    let map = match description {
        Value::Null | Value::Bool(false) => return None,
        Value::Object(map) if map.is_empty() => return None,
        Value::Object(map) => map,
        Value::String(name) => return Some(short(name)),
        _ => return Some("a method without a name".into()),
    };
    let text = |key: &str| map.get(key).and_then(Value::as_str).map(short);
    let on = |key: &str| map.get(key).and_then(Value::as_bool).unwrap_or(false);
    let name = text("quant_method")
        .or_else(|| text("quant_algo"))
        .or_else(|| (on("load_in_4bit") || on("load_in_8bit")).then(|| "bitsandbytes".to_owned()))
        .or_else(|| text("format"))
        .or_else(|| map.contains_key("group_size").then(|| "MLX".to_owned()))
        .unwrap_or_else(|| "a method without a name".into());
    let bits = if on("load_in_4bit") {
        Some(4)
    } else if on("load_in_8bit") {
        Some(8)
    } else {
        map.get("bits").and_then(Value::as_u64)
    };
    Some(match bits {
        Some(bits) => format!("{name} ({bits} bits)"),
        None => name,
    })
}

fn short(name: &str) -> String {
    name.chars().take(40).collect()
}
