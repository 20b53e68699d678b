//! A checkpoint's configuration, beside weights that have no tensor.

use std::sync::Arc;

use mirscope::{
    families,
    input::ImageProcessor,
    model::{Checkpoint, parameters},
    weights::MemorySource,
};

use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , true false null -1 0 1 2 4294967296 1e308 "architectures" "model_type"
    "vision_config" "text_config" "hidden_size" "intermediate_size" "num_hidden_layers" "num_attention_heads"
    "num_key_value_heads" "head_dim" "vocab_size" "max_position_embeddings" "rope_theta" "rope_scaling" "rope_parameters"
    "image_size" "patch_size" "num_channels" "image_token_id" "image_token_index" "vision_feature_layer" "sliding_window"
    "layer_types" "spatial_merge_size" "image_grid_pinpoints" "quantization_config" "projector_hidden_act" "gelu" "yarn""#;

pub fn run(data: &[u8]) {
    let source = MemorySource::new("m")
        .with("config.json", data.to_vec())
        .with("model.safetensors", seeds::safetensors(&serde_json::json!({}), &[]));
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(spec) = families::parse("config.json", text)
    {
        parameters(&spec);
        if let Ok(processor) = ImageProcessor::open(&source, &spec) {
            for (height, width) in [(1, 1), (15, 20), (1000, 3)] {
                let _ = processor.plan("i", height, width);
            }
        }
    }
    let _ = Checkpoint::open(Arc::new(source));
}

pub fn seeds() -> Vec<Vec<u8>> {
    seeds::short(seeds::files(&["/config.json"]))
}
