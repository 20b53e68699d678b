//! The vision part of a GGUF checkpoint, beside a decoder that is in order.

use mirscope::weights::MemorySource;

use super::gguf;
use crate::seeds;

pub const WORDS: &str = "GGUF general.architecture clip clip.projector_type clip.has_vision_encoder clip.vision.image_size
    clip.vision.patch_size clip.vision.embedding_length clip.vision.feed_forward_length clip.vision.block_count
    clip.vision.attention.head_count clip.vision.projection_dim clip.vision.image_mean clip.vision.image_std
    clip.vision.feature_layer clip.vision.spatial_merge_size clip.vision.projector.scale_factor clip.use_gelu
    clip.use_silu mlp idefics3 qwen2vl_merger qwen2.5vl_merger internvl gemma3 v.patch_embd.weight mm.0.weight";

pub fn run(data: &[u8]) {
    let decoder = gguf::write::File::llama().bytes();
    gguf::open(MemorySource::new("m").with("a.gguf", decoder).with("mmproj-a.gguf", data.to_vec()));
}

pub fn seeds() -> Vec<Vec<u8>> {
    use gguf::write::{File, Value};
    let part = |kind: &str| {
        let mut file = File { version: 3, metadata: Vec::new(), tensors: Vec::new() };
        file.set("general.architecture", Value::text("clip"));
        file.set("clip.has_vision_encoder", Value::raw(7, vec![1]));
        file.set("clip.projector_type", Value::text(kind));
        for (key, value) in [
            ("image_size", 28), ("patch_size", 14), ("embedding_length", 32), ("feed_forward_length", 64),
            ("block_count", 2), ("attention.head_count", 2), ("projection_dim", 32), ("projector.scale_factor", 2),
        ] {
            file.set(&format!("clip.vision.{key}"), Value::u32(value));
        }
        file.set("clip.vision.attention.layer_norm_epsilon", Value::f32(1e-5));
        for key in ["image_mean", "image_std"] {
            let half = 0.5_f32.to_le_bytes();
            file.set(&format!("clip.vision.{key}"), Value::list(6, 3, [half; 3].concat()));
        }
        file.bytes()
    };
    let mut all: Vec<_> = ["mlp", "idefics3", "qwen2vl_merger", "internvl", "gemma3"].map(part).into();
    all.extend(seeds::short(seeds::files(&[".gguf"])));
    all
}
