//! An index of shards, of safetensors files and of PyTorch's.

use std::sync::Arc;

use mirscope::weights::{ByteSource, MemorySource, open_tensors, shards_outside};
use serde_json::json;

use super::safetensors::read_all;
use crate::seeds;

pub const WORDS: &str = r#"{ } [ ] : , "weight_map" "metadata" "total_size" "a.safetensors" "b.safetensors"
    "../c.safetensors" "/d.safetensors" "sub/e.safetensors" "model.safetensors" "a.bin" "x" "y" .. / \\ ://"#;

pub fn run(data: &[u8]) {
    let shard = |name: &str| {
        let entry = json!({"dtype": "F32", "shape": [1], "data_offsets": [0, 4]});
        seeds::safetensors(&json!({ name: entry }), &[0; 4])
    };
    for index in ["model.safetensors.index.json", "pytorch_model.bin.index.json"] {
        let source = MemorySource::new("m")
            .with("m/config.json", b"{}".to_vec())
            .with(format!("m/{index}"), data.to_vec())
            .with("m/a.safetensors", shard("x"))
            .with("m/sub/e.safetensors", shard("y"))
            .with("c.safetensors", shard("z"))
            .in_folder("m");
        let source: Arc<dyn ByteSource> = Arc::new(source);
        shards_outside(&*source);
        if let Ok(tensors) = open_tensors(&source, &str::to_owned) {
            read_all(tensors.values());
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut found = seeds::short(seeds::files(&[".index.json"]));
    for map in [
        json!({"x": "a.safetensors", "y": "sub/e.safetensors"}),
        json!({"x": "a.safetensors", "z": "../c.safetensors"}),
    ] {
        found.push(json!({"metadata": {"total_size": 8}, "weight_map": map}).to_string().into_bytes());
    }
    found
}
