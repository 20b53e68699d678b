//! Small checkpoints made in memory, good and bad.

use std::{collections::BTreeMap, sync::Arc};

use mirscope::{
    families,
    model::{Checkpoint, parameters},
    weights::{MemorySource, WeightsError},
};
use safetensors::{Dtype, tensor::TensorView};
use serde_json::{Value, json};

/// A CLIP + MLP + Llama configuration as transformers 4 writes it.
pub fn config() -> Value {
    json!({
        "architectures": ["LlavaForConditionalGeneration"],
        "model_type": "llava",
        "torch_dtype": "float32",
        "image_token_index": 5,
        "vision_feature_layer": -2,
        "vision_config": {
            "model_type": "clip_vision_model", "hidden_size": 12, "intermediate_size": 16,
            "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 14, "patch_size": 7
        },
        "text_config": {
            "model_type": "llama", "hidden_size": 8, "intermediate_size": 10,
            "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
            "vocab_size": 32, "max_position_embeddings": 64, "rope_theta": 500.0
        }
    })
}

/// Tensors by name in the file.
pub type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

/// A tensor of f32 whose elements count up from `start`.
pub fn counted(shape: &[usize], start: f32) -> (Dtype, Vec<usize>, Vec<u8>) {
    let count: usize = shape.iter().product();
    let bytes = (0..count).flat_map(|i| (start + i as f32).to_le_bytes());
    (Dtype::F32, shape.to_vec(), bytes.collect())
}

/// The tensors that `config` asks for, under canonical names.
pub fn tensors(config: &Value) -> Tensors {
    let config = families::parse("config.json", &config.to_string()).unwrap();
    parameters(&config)
        .into_iter()
        .enumerate()
        .map(|(i, e)| (e.name, counted(&e.shape, i as f32)))
        .collect()
}

/// A safetensors file.
pub fn safetensors(tensors: &Tensors) -> Vec<u8> {
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, (dtype, shape, bytes))| {
            (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
        })
        .collect();
    ::safetensors::serialize(views, None).unwrap()
}

/// A safetensors file from a header as given.
pub fn raw_safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(data);
    file
}

/// A source with these two files.
pub fn source(config: &Value, weights: Vec<u8>) -> MemorySource {
    MemorySource::new("tiny")
        .with("config.json", config.to_string().into_bytes())
        .with("model.safetensors", weights)
}

/// Opens a checkpoint of these two files.
pub fn open(config: &Value, tensors: &Tensors) -> Result<Checkpoint, WeightsError> {
    Checkpoint::open(Arc::new(source(config, safetensors(tensors))))
}
