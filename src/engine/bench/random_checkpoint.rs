//! A checkpoint with random weights in memory.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::{
    engine::{EngineError, SplitMix64},
    weights::{Checkpoint, MemorySource, VlmConfig, layout},
};

/// A checkpoint with this `config.json` and normal-sized random f16 weights.
///
/// # Errors
/// The configuration does not parse.
pub(super) fn random_checkpoint(config: &str) -> Result<Checkpoint, EngineError> {
    let parsed = VlmConfig::parse("config.json", config)?;
    let mut header = Map::new();
    let mut data: Vec<u8> = Vec::new();
    let mut generator = SplitMix64::new(7);
    for tensor in layout::expected(&parsed) {
        let (name, shape) = (tensor.name, tensor.shape);
        let count: usize = shape.iter().product();
        let begin = data.len();
        // Norms near 1, matrices that keep the size of what they multiply.
        let fan_in = shape.iter().skip(1).product::<usize>();
        let scale = if shape.len() == 1 {
            0.1
        } else {
            (3.0 / fan_in as f32).sqrt()
        };
        let norm = name.contains("norm") || name.contains(".bn.");
        let offset = if norm && (name.ends_with("weight") || name.ends_with("scale")) {
            1.0
        } else {
            0.0
        };
        for _ in 0..count {
            let unit = (generator.next_u64() >> 40) as f32 / (1u32 << 23) as f32 - 1.0;
            data.extend_from_slice(&half::f16::from_f32(offset + scale * unit).to_le_bytes());
        }
        let entry = json!({"dtype": "F16", "shape": shape, "data_offsets": [begin, data.len()]});
        header.insert(name, entry);
    }
    let header = Value::Object(header).to_string();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.append(&mut data);
    let source = MemorySource::new("random weights")
        .with("config.json", config.as_bytes().to_vec())
        .with("model.safetensors", file);
    Ok(Checkpoint::open(Arc::new(source))?)
}
