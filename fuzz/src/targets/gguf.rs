//! A GGUF file: its metadata, what they make the folder hold, its tensors.

use std::sync::Arc;

use mirscope::{
    input::Processor,
    model::Checkpoint,
    weights::{MemorySource, gguf},
};

use super::safetensors::read_all;
use crate::seeds;

#[allow(dead_code)]
#[path = "../../../tests/it/weights/gguf/write.rs"]
pub mod write;

pub const WORDS: &str = "GGUF general.architecture llama qwen2 qwen3 gemma3 llama.block_count llama.context_length
    llama.embedding_length llama.attention.head_count llama.attention.head_count_kv llama.rope.freq_base
    llama.rope.scaling.type llama.vocab_size llama.attention.key_length general.alignment split.count
    tokenizer.ggml.model tokenizer.ggml.pre tokenizer.ggml.tokens tokenizer.ggml.token_type tokenizer.ggml.scores
    tokenizer.ggml.merges tokenizer.ggml.bos_token_id tokenizer.ggml.eos_token_id tokenizer.ggml.add_bos_token
    tokenizer.chat_template gpt2 spm bert token_embd.weight output.weight rope_freqs.weight blk.0.attn_q.weight clip
    clip.projector_type clip.has_vision_encoder mlp idefics3 qwen2vl_merger internvl gemma3";

pub fn run(data: &[u8]) {
    open(MemorySource::new("m").with("a.gguf", data.to_vec()));
}

/// Opens a checkpoint of GGUF files and everything in it.
pub fn open(source: MemorySource) {
    let Ok(source) = gguf::entered(Arc::new(source)) else {
        return;
    };
    for name in source.list().unwrap_or_default() {
        let _ = source.read(&name);
    }
    if let Ok(checkpoint) = Checkpoint::open(source) {
        read_all(checkpoint.iter().map(|(_, info)| info));
        if let Ok(processor) = Processor::of_any(&**checkpoint.source(), &checkpoint.spec) {
            let _ = processor.try_out(20, 15);
        }
    }
}

pub fn seeds() -> Vec<Vec<u8>> {
    let mut renamed = write::File::llama();
    renamed.rename_architecture("llama", "qwen2");
    let mut pieces = write::File::llama();
    pieces.set("tokenizer.ggml.model", write::Value::text("llama"));
    pieces.set("tokenizer.ggml.scores", write::Value::list(6, 4, vec![0; 16]));
    pieces.set("tokenizer.ggml.token_type", write::Value::list(5, 4, [[1, 0, 0, 0]; 4].concat()));
    pieces.set("tokenizer.chat_template", write::Value::text("{{ messages[0].content }}"));
    let mut all: Vec<_> = [write::File::llama(), renamed, pieces].iter().map(write::File::bytes).collect();
    all.extend(seeds::short(seeds::files(&[".gguf"])));
    all
}
