//! The decoder's section of `config.json`.

use serde_json::Map;

use super::{activation::Activation, fields::Fields, rope, rope::RopeScaling};
use crate::weights::error::WeightsError;

/// Family of decoders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextKind {
    /// RMS norms, rotary embedding, grouped-query attention, gated MLP.
    Llama,
}

/// A decoder-only language model.
#[derive(Clone, Debug, PartialEq)]
pub struct TextConfig {
    /// Family.
    pub kind: TextKind,
    /// Width d.
    pub hidden_size: usize,
    /// Width of the hidden layer of each MLP.
    pub intermediate_size: usize,
    /// Number of layers L.
    pub num_hidden_layers: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads; they divide the query heads.
    pub num_key_value_heads: usize,
    /// Width of one head, even; `num_attention_heads * head_dim` may differ from `hidden_size`.
    pub head_dim: usize,
    /// Number of token ids.
    pub vocab_size: usize,
    /// Longest prompt, in tokens.
    pub max_position_embeddings: usize,
    /// Epsilon of the RMS norms.
    pub rms_norm_eps: f32,
    /// Base of the rotary embedding.
    pub rope_theta: f32,
    /// Change of the rotary frequencies for long contexts.
    pub rope_scaling: RopeScaling,
    /// Whether the head is the transposed embedding.
    pub tie_word_embeddings: bool,
    /// Whether q, k, v and o have biases.
    pub attention_bias: bool,
    /// Whether gate, up and down have biases.
    pub mlp_bias: bool,
    /// Activation of the gate.
    pub activation: Activation,
}

impl TextConfig {
    /// Rotary frequencies, `head_dim / 2` of them, in radians per position: `theta^(-2i/head_dim)`
    /// changed as [`TextConfig::rope_scaling`] says.
    pub fn inv_freq(&self) -> Vec<f32> {
        rope::inv_freq(self.rope_theta, self.head_dim, &self.rope_scaling)
    }

    pub(super) fn parse(root: &Fields<'_>) -> Result<Self, WeightsError> {
        let empty = Map::new();
        let f = root.section_or("text_config", &empty)?;
        let kind = match f.string("model_type")?.unwrap_or("llama") {
            "llama" => TextKind::Llama,
            other => return Err(f.unsupported("model_type", other, "llama")),
        };
        let hidden_size = f.count("hidden_size", 1..=65536)?.unwrap_or(4096);
        let num_attention_heads = f.count("num_attention_heads", 1..=4096)?.unwrap_or(32);
        let num_key_value_heads = f
            .count("num_key_value_heads", 1..=4096)?
            .unwrap_or(num_attention_heads);
        if num_attention_heads % num_key_value_heads != 0 {
            return Err(f.invalid(
                "num_key_value_heads",
                format!("a divisor of num_attention_heads = {num_attention_heads}"),
                num_key_value_heads,
            ));
        }
        let head_dim = match f.count("head_dim", 1..=4096)? {
            Some(head_dim) => head_dim,
            None if hidden_size % num_attention_heads == 0 => hidden_size / num_attention_heads,
            None => {
                return Err(f.invalid(
                    "num_attention_heads",
                    format!("a divisor of hidden_size = {hidden_size} (there is no head_dim)"),
                    num_attention_heads,
                ));
            }
        };
        if head_dim % 2 != 0 {
            let expected = "even, for the rotary embedding turns pairs";
            return Err(f.invalid("head_dim", expected, head_dim));
        }
        let max_position_embeddings = f
            .count("max_position_embeddings", 1..=1 << 24)?
            .unwrap_or(2048);
        let (rope_theta, rope_scaling) = rope::parse(&f, max_position_embeddings)?;
        let tied = |fields: &Fields<'_>| fields.flag("tie_word_embeddings");
        Ok(Self {
            kind,
            hidden_size,
            intermediate_size: f.count("intermediate_size", 1..=1 << 20)?.unwrap_or(11008),
            num_hidden_layers: f.count("num_hidden_layers", 1..=1024)?.unwrap_or(32),
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            vocab_size: f.count("vocab_size", 1..=1 << 24)?.unwrap_or(32000),
            max_position_embeddings,
            rms_norm_eps: f.float("rms_norm_eps", 0.0)?.unwrap_or(1e-6),
            rope_theta,
            rope_scaling,
            tie_word_embeddings: tied(root)?.unwrap_or(false) || tied(&f)?.unwrap_or(false),
            attention_bias: f.flag("attention_bias")?.unwrap_or(false),
            mlp_bias: f.flag("mlp_bias")?.unwrap_or(false),
            activation: Activation::parse(&f, "hidden_act", Activation::Silu)?,
        })
    }
}
