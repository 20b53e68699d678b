//! What a decoder's metadata say, as the `config.json` of Hugging Face's class.

use serde_json::{Map, Value, json};

use super::{
    super::{error::WeightsError, source::ByteSource},
    architecture::Architecture,
    header::Header,
    rope,
    value::shortest,
};

/// The configuration of the decoder alone.
///
/// # Errors
/// A key is missing or has a value that cannot be.
pub(super) fn config(
    architecture: &Architecture,
    header: &Header,
    source: &dyn ByteSource,
) -> Result<Map<String, Value>, WeightsError> {
    let metadata = &header.metadata;
    let heads = architecture.size(header, "attention.head_count")?;
    let layers = architecture.size(header, "block_count")?;
    let width = architecture.size(header, "embedding_length")?;
    let mut config = Map::new();
    let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
    set("architectures", json!([architecture.class]));
    set("model_type", json!(architecture.model_type));
    set("hidden_size", json!(width));
    set(
        "intermediate_size",
        json!(architecture.size(header, "feed_forward_length")?),
    );
    set("num_hidden_layers", json!(layers));
    set("num_attention_heads", json!(heads));
    let key = architecture.key("attention.head_count_kv");
    set(
        "num_key_value_heads",
        json!(metadata.count(&key)?.unwrap_or(heads)),
    );
    set("head_dim", json!(architecture.head_dim));
    set(
        "max_position_embeddings",
        json!(architecture.size(header, "context_length")?),
    );
    let key = architecture.key("attention.layer_norm_rms_epsilon");
    let eps = metadata.float(&key)?;
    let eps = eps.ok_or_else(|| metadata.wrong(&key, "a number"))?;
    // It was rounded to f32; the shortest number that it stands for is the one that was meant.
    set("rms_norm_eps", shortest(eps));
    set("vocab_size", json!(vocabulary(header)?));
    set(
        "tie_word_embeddings",
        json!(header.tensor("output.weight").is_none()),
    );
    let has = |name: &str| header.tensor(name).is_some();
    set("attention_bias", json!(has("blk.0.attn_q.bias")));
    set("mlp_bias", json!(has("blk.0.ffn_down.bias")));
    let theta = metadata.float(&architecture.key("rope.freq_base"))?;
    let gemma = architecture.name == "gemma3";
    let theta = theta.unwrap_or(if gemma { 1e6 } else { 1e4 });
    set("rope_theta", shortest(theta));
    if gemma {
        set("hidden_activation", json!("gelu_pytorch_tanh"));
        // llama.cpp's rule: the largest model has another scale than its heads' width gives.
        let scalar = if layers == 62 {
            width / heads
        } else {
            architecture.head_dim as u64
        };
        set("query_pre_attn_scalar", json!(scalar));
        let pattern = metadata.count(&architecture.key("attention.sliding_window_pattern"))?;
        set("sliding_window_pattern", json!(pattern.unwrap_or(6)));
        if let Some(local) = metadata.float(&architecture.key("rope.freq_base_swa"))? {
            set("rope_local_base_freq", shortest(local));
        }
        if let Some(window) = metadata.count(&architecture.key("attention.sliding_window"))? {
            set("sliding_window", json!(window));
        }
    }
    if let Some(scaling) = rope::described(architecture, header, source, theta)? {
        set("rope_scaling", scaling);
    }
    for (key, theirs) in [
        ("bos_token_id", "tokenizer.ggml.bos_token_id"),
        ("eos_token_id", "tokenizer.ggml.eos_token_id"),
        ("pad_token_id", "tokenizer.ggml.padding_token_id"),
    ] {
        if let Some(id) = metadata.count(theirs)? {
            set(key, json!(id));
        }
    }
    Ok(config)
}
/// Rows of the table of embeddings.
fn vocabulary(header: &Header) -> Result<usize, WeightsError> {
    const NAME: &str = "token_embd.weight";
    let table = header.tensor(NAME).filter(|table| table.shape.len() == 2);
    match table {
        Some(table) => Ok(table.shape[0]),
        None => Err(WeightsError::MissingTensor {
            file: header.metadata.file.clone(),
            tensor: NAME.into(),
            expected: "[tokens, width]".into(),
            reason: "every decoder has a table of embeddings".into(),
        }),
    }
}
