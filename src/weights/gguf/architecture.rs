//! The kinds of decoders that GGUF files hold.

use super::{super::error::WeightsError, header::Header};

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
    pub(super) fn size(&self, header: &Header, key: &str) -> Result<u64, WeightsError> {
        let key = self.key(key);
        let size = header.metadata.count(&key)?.filter(|size| *size > 0);
        size.ok_or_else(|| header.metadata.wrong(&key, "a size from 1 on"))
    }
}
