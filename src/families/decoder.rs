//! Decoders alone: `LlamaForCausalLM` and its relatives. They have hidden states, but nothing to
//! compare them with.

use super::{DecoderKind, DecoderSpec, Family, ModelSpec, Planned, ProcessorFile};
use crate::weights::{WeightsError, fields::Fields};

/// The family.
pub(crate) struct Decoder;

impl Family for Decoder {
    fn name(&self) -> &'static str {
        "decoder"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &[
            "LlamaForCausalLM",
            "MistralForCausalLM",
            "Qwen2ForCausalLM",
            "Qwen3ForCausalLM",
            "GemmaForCausalLM",
            "Gemma3ForCausalLM",
        ]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &DecoderKind::MODEL_TYPES
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        ModelSpec::new(root, None, DecoderSpec::parse(root, "")?)
    }

    fn canonical(&self, name: &str) -> String {
        // The base model alone is saved without the first part.
        let inner = name.strip_prefix("model.").unwrap_or(name);
        match inner.starts_with("lm_head.") {
            true => inner.to_owned(),
            false => format!("language_model.{inner}"),
        }
    }

    fn images(&self, spec: &ModelSpec, _file: &ProcessorFile) -> Result<Planned, WeightsError> {
        Err(WeightsError::NoVision {
            architecture: spec.architecture.clone(),
        })
    }
}
