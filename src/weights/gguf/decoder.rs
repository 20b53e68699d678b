//! What a decoder's metadata say, as the `config.json` of Hugging Face's class.

use serde_json::{Map, Value, json};

use super::{
    super::{
        error::WeightsError,
        source::ByteSource,
        tensor::{HostTensor, StorageType},
    },
    header::Header,
    rope,
};

/// The architectures that have a class here: `general.architecture`, the class, and its `model_type`.
const KNOWN: [(&str, &str, &str); 5] = [
    ("llama", "LlamaForCausalLM", "llama"),
    ("qwen2", "Qwen2ForCausalLM", "qwen2"),
    ("qwen3", "Qwen3ForCausalLM", "qwen3"),
    // Without images its three components of a position are one.
    ("qwen2vl", "Qwen2ForCausalLM", "qwen2"),
    ("gemma3", "Gemma3ForCausalLM", "gemma3_text"),
];

/// A decoder's kind, as far as its tensors' names and contents depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Architecture {
    /// `general.architecture`, which is the beginning of its keys.
    pub(super) name: &'static str,
    /// Hugging Face's class.
    pub(super) class: &'static str,
    pub(super) model_type: &'static str,
    /// Width of a head.
    pub(super) head_dim: usize,
    /// Whether rotary pairs stand beside each other.
    pub(super) pairs: bool,
    /// Whether positions have three components.
    pub(super) sections: bool,
    /// Whether 1 was added to the weights of norms.
    pub(super) norm_plus_1: bool,
    /// Whether there are norms behind attention and MLP.
    pub(super) norms_behind: bool,
}

impl Architecture {
    /// The architecture of a file.
    ///
    /// # Errors
    /// It has no class here, or no sizes.
    pub(super) fn of(header: &Header) -> Result<Self, WeightsError> {
        const KEY: &str = "general.architecture";
        let metadata = &header.metadata;
        let named = metadata.text(KEY)?;
        let named = named.ok_or_else(|| metadata.wrong(KEY, "a text"))?;
        let known = KNOWN.iter().find(|(name, _, _)| *name == named);
        let Some(&(name, class, model_type)) = known else {
            let names: Vec<&str> = KNOWN.iter().map(|(name, _, _)| *name).collect();
            return Err(WeightsError::Unsupported {
                file: metadata.file.clone(),
                field: KEY.into(),
                found: match named {
                    "clip" => {
                        "clip, the vision part of a model (mmproj): name the model's own file"
                            .into()
                    }
                    other => other.chars().take(40).collect(),
                },
                supported: names.join(", "),
            });
        };
        let gemma = name == "gemma3";
        let mut architecture = Self {
            name,
            class,
            model_type,
            head_dim: 0,
            pairs: name == "llama",
            sections: name == "qwen2vl",
            norm_plus_1: gemma,
            norms_behind: gemma,
        };
        let heads = architecture.size(header, "attention.head_count")?;
        let width = architecture.size(header, "embedding_length")?;
        let own = metadata.count(&architecture.key("attention.key_length"))?;
        let head_dim = own.unwrap_or(width / heads);
        let key = architecture.key("attention.key_length");
        if head_dim % 2 != 0 || !(2..=4096).contains(&head_dim) {
            return Err(metadata.wrong(&key, "an even number from 2 to 4096, or absent"));
        }
        architecture.head_dim = head_dim as usize;
        for (other, expected) in [
            ("attention.value_length", "the same as attention.key_length"),
            ("rope.dimension_count", "the width of a head"),
        ] {
            let other = architecture.key(other);
            if metadata.count(&other)?.is_some_and(|size| size != head_dim) {
                return Err(metadata.wrong(&other, format!("{expected} ({head_dim})")));
            }
        }
        Ok(architecture)
    }

    /// A key of this architecture.
    pub(super) fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }

    /// A size that has to be there.
    fn size(&self, header: &Header, key: &str) -> Result<u64, WeightsError> {
        let key = self.key(key);
        let size = header.metadata.count(&key)?.filter(|size| *size > 0);
        size.ok_or_else(|| header.metadata.wrong(&key, "a size from 1 on"))
    }

    /// The configuration of the decoder alone.
    ///
    /// # Errors
    /// A key is missing or has a value that cannot be.
    pub(super) fn config(
        &self,
        header: &Header,
        source: &dyn ByteSource,
    ) -> Result<Map<String, Value>, WeightsError> {
        let metadata = &header.metadata;
        let heads = self.size(header, "attention.head_count")?;
        let layers = self.size(header, "block_count")?;
        let width = self.size(header, "embedding_length")?;
        let mut config = Map::new();
        let mut set = |key: &str, value: Value| config.insert(key.to_owned(), value);
        set("architectures", json!([self.class]));
        set("model_type", json!(self.model_type));
        set("hidden_size", json!(width));
        set(
            "intermediate_size",
            json!(self.size(header, "feed_forward_length")?),
        );
        set("num_hidden_layers", json!(layers));
        set("num_attention_heads", json!(heads));
        let key = self.key("attention.head_count_kv");
        set(
            "num_key_value_heads",
            json!(metadata.count(&key)?.unwrap_or(heads)),
        );
        set("head_dim", json!(self.head_dim));
        set(
            "max_position_embeddings",
            json!(self.size(header, "context_length")?),
        );
        let key = self.key("attention.layer_norm_rms_epsilon");
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
        let theta = metadata.float(&self.key("rope.freq_base"))?;
        let gemma = self.name == "gemma3";
        let theta = theta.unwrap_or(if gemma { 1e6 } else { 1e4 });
        set("rope_theta", shortest(theta));
        if gemma {
            set("hidden_activation", json!("gelu_pytorch_tanh"));
            // llama.cpp's rule: the largest model has another scale than its heads' width gives.
            let scalar = if layers == 62 {
                width / heads
            } else {
                self.head_dim as u64
            };
            set("query_pre_attn_scalar", json!(scalar));
            let key = self.key("attention.sliding_window_pattern");
            let pattern = metadata.count(&key)?;
            set("sliding_window_pattern", json!(pattern.unwrap_or(6)));
            if let Some(local) = metadata.float(&self.key("rope.freq_base_swa"))? {
                set("rope_local_base_freq", shortest(local));
            }
            if let Some(window) = metadata.count(&self.key("attention.sliding_window"))? {
                set("sliding_window", json!(window));
            }
        }
        if let Some(scaling) = rope::described(self, header, source, theta)? {
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

/// The number with the fewest digits that rounds to the same f32.
pub(super) fn shortest(number: f64) -> Value {
    let text = (number as f32).to_string();
    json!(text.parse::<f64>().unwrap_or(number))
}

/// A small tensor of f32, where it is there.
pub(super) fn small(
    header: &Header,
    source: &dyn ByteSource,
    name: &str,
) -> Result<Option<Vec<f32>>, WeightsError> {
    const MOST: u64 = 1 << 20;
    let Some(tensor) = header.tensor(name) else {
        return Ok(None);
    };
    let storage = StorageType::from_file(tensor.dtype);
    let Some(dtype) = storage.filter(|_| tensor.end - tensor.begin <= MOST) else {
        return Err(WeightsError::Dtype {
            file: header.metadata.file.clone(),
            tensor: name.into(),
            found: format!("{:?} {:?}", tensor.dtype, tensor.shape),
        });
    };
    let read = HostTensor {
        name: name.into(),
        dtype,
        shape: tensor.shape.clone(),
        bytes: source.read_range(&header.metadata.file, tensor.begin..tensor.end)?,
    };
    Ok(Some(read.to_f32()))
}
