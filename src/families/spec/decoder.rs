//! The decoder: one shape of layer, of which each kind has its own parts.

use serde_json::{Map, Value};

use super::{
    Activation, RopeScaling, RopeSections,
    rope::{self, Rope},
    windows::windows,
};
use crate::weights::{WeightsError, fields::Fields};

/// Kind of decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DecoderKind {
    /// RMS norms, rotary embedding, grouped-query attention, gated MLP (arXiv 2302.13971).
    Llama,
    /// The same with a sliding window on all layers (arXiv 2310.06825).
    Mistral,
    /// Biases on queries, keys and values (arXiv 2407.10671).
    Qwen2,
    /// Norms on the queries and keys of each head (arXiv 2505.09388).
    Qwen3,
    /// Norms by 1 + weight, embeddings scaled (arXiv 2403.08295).
    Gemma,
    /// Norms around attention and MLP, windows on most layers (arXiv 2503.19786).
    Gemma3,
}

impl DecoderKind {
    /// All kinds with their `model_type`.
    const ALL: [(Self, &'static str); 6] = [
        (Self::Llama, "llama"),
        (Self::Mistral, "mistral"),
        (Self::Qwen2, "qwen2"),
        (Self::Qwen3, "qwen3"),
        (Self::Gemma, "gemma"),
        (Self::Gemma3, "gemma3_text"),
    ];

    /// All values of `model_type`.
    pub const MODEL_TYPES: [&'static str; 6] = {
        let [a, b, c, d, e, f] = Self::ALL;
        [a.1, b.1, c.1, d.1, e.1, f.1]
    };

    /// The kind that a configuration calls `model_type`.
    pub fn from_model_type(model_type: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find_map(|(kind, name)| (name == model_type).then_some(kind))
    }

    /// Its name for a reader.
    pub fn name(self) -> &'static str {
        match self {
            Self::Llama => "Llama",
            Self::Mistral => "Mistral",
            Self::Qwen2 => "Qwen2",
            Self::Qwen3 => "Qwen3",
            Self::Gemma => "Gemma",
            Self::Gemma3 => "Gemma 3",
        }
    }
}

/// A decoder-only language model.
#[derive(Clone, Debug, PartialEq)]
pub struct DecoderSpec {
    /// Kind.
    pub kind: DecoderKind,
    /// Where its fields stand in `config.json`: `text_config.`, or nothing.
    pub section: &'static str,
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
    /// Whether the norms multiply by 1 + weight, not by the weight.
    pub norm_offset: bool,
    /// Whether attention and MLP have a norm behind them, too.
    pub norms_behind: bool,
    /// Whether queries and keys are normalized head by head before the rotary embedding.
    pub qk_norm: bool,
    /// Base of the rotary embedding.
    pub rope_theta: f32,
    /// Change of the rotary frequencies for long contexts.
    pub rope_scaling: RopeScaling,
    /// Base of the rotary embedding of layers with a window, where it is another; never scaled.
    pub rope_local_theta: Option<f32>,
    /// How pairs of channels share the components of a position; none where there is one component.
    pub rope_sections: Option<RopeSections>,
    /// Factor on the scores: `head_dim^-0.5`, unless the configuration says otherwise.
    pub attention_scale: f32,
    /// Factor on the token embeddings.
    pub embed_scale: Option<f32>,
    /// Tokens that a query sees in a layer with a window: itself and those before it.
    pub sliding_window: Option<usize>,
    /// Which layers have the window.
    pub windowed: Vec<bool>,
    /// Whether the head is the transposed embedding.
    pub tie_word_embeddings: bool,
    /// Whether q, k and v have biases.
    pub attention_bias: bool,
    /// Whether o has a bias.
    pub output_bias: bool,
    /// Whether gate, up and down have biases.
    pub mlp_bias: bool,
    /// Activation of the gate.
    pub activation: Activation,
    /// Whether the vision tokens are calibrated at the end of every decoder layer by
    /// `modality_layernorm` (MoCa, arXiv 2410.07167).
    pub use_moca: bool,
}

/// What a configuration class of transformers takes for absent keys.
#[derive(Clone, Copy)]
pub(in crate::families) struct Defaults {
    pub(in crate::families) hidden_size: usize,
    pub(in crate::families) intermediate_size: usize,
    pub(in crate::families) num_hidden_layers: usize,
    pub(in crate::families) num_attention_heads: usize,
    /// As many as query heads where there is none.
    pub(in crate::families) num_key_value_heads: Option<usize>,
    /// `hidden_size` over the heads where there is none.
    pub(in crate::families) head_dim: Option<usize>,
    pub(in crate::families) vocab_size: usize,
    pub(in crate::families) max_position_embeddings: usize,
    pub(in crate::families) rms_norm_eps: f32,
    pub(in crate::families) rope_theta: f32,
    pub(in crate::families) sliding_window: Option<usize>,
    /// Layers before those with a window.
    pub(in crate::families) max_window_layers: usize,
}

impl DecoderKind {
    /// Those of the kind's own class.
    pub(in crate::families) fn defaults(self) -> Defaults {
        let llama = Defaults {
            hidden_size: 4096,
            intermediate_size: 11008,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: None,
            head_dim: None,
            vocab_size: 32000,
            max_position_embeddings: 2048,
            rms_norm_eps: 1e-6,
            rope_theta: 10_000.0,
            sliding_window: None,
            max_window_layers: 28,
        };
        let qwen2 = Defaults {
            intermediate_size: 22016,
            num_key_value_heads: Some(32),
            vocab_size: 151_936,
            max_position_embeddings: 32768,
            sliding_window: Some(4096),
            ..llama
        };
        match self {
            Self::Llama => llama,
            Self::Mistral => Defaults {
                intermediate_size: 14336,
                num_key_value_heads: Some(8),
                max_position_embeddings: 131_072,
                sliding_window: Some(4096),
                ..llama
            },
            Self::Qwen2 => qwen2,
            Self::Qwen3 => Defaults {
                head_dim: Some(128),
                ..qwen2
            },
            Self::Gemma => Defaults {
                hidden_size: 3072,
                intermediate_size: 24576,
                num_hidden_layers: 28,
                num_attention_heads: 16,
                num_key_value_heads: Some(16),
                head_dim: Some(256),
                vocab_size: 256_000,
                max_position_embeddings: 8192,
                ..llama
            },
            Self::Gemma3 => Defaults {
                hidden_size: 2304,
                intermediate_size: 9216,
                num_hidden_layers: 26,
                num_attention_heads: 8,
                num_key_value_heads: Some(4),
                head_dim: Some(256),
                vocab_size: 262_208,
                max_position_embeddings: 131_072,
                sliding_window: Some(4096),
                ..llama
            },
        }
    }
}

impl DecoderSpec {
    /// Frequencies of the rotary embedding of a layer, `head_dim / 2` of them, in radians per
    /// position, and the factor on cosines and sines; for a prompt of `tokens` tokens.
    pub fn rope(&self, windowed: bool, tokens: usize) -> (Vec<f32>, f32) {
        let local = self.rope_local_theta.filter(|_| windowed);
        let scaling = match local {
            Some(_) => &RopeScaling::Default,
            None => &self.rope_scaling,
        };
        let theta = local.unwrap_or(self.rope_theta);
        let frequencies = rope::inv_freq(theta, self.head_dim, scaling, tokens);
        (frequencies, rope::attention_factor(scaling))
    }

    /// The longest prompt that its rotary embedding is made for, in tokens.
    pub fn context(&self) -> usize {
        match self.rope_scaling {
            RopeScaling::Dynamic { factor, .. } => {
                (self.max_position_embeddings as f64 * f64::from(factor)) as usize
            }
            _ => self.max_position_embeddings,
        }
    }

    /// The decoder in the section of `root`, or in `root` itself where the section is empty.
    ///
    /// # Errors
    /// A field that is unknown, missing or impossible; a kind of decoder that has no kernel.
    pub(in crate::families) fn parse(
        root: &Fields<'_>,
        section: &'static str,
    ) -> Result<Self, WeightsError> {
        Self::parse_or(root, section, "llama")
    }

    /// The same, of the kind `default` where the section names none.
    ///
    /// # Errors
    /// As [`DecoderSpec::parse`].
    pub(in crate::families) fn parse_or(
        root: &Fields<'_>,
        section: &'static str,
        default: &str,
    ) -> Result<Self, WeightsError> {
        let empty = Map::new();
        let f = Self::section(root, section, &empty)?;
        let named = f.string("model_type")?.unwrap_or(default);
        let kind = DecoderKind::from_model_type(named).ok_or_else(|| {
            let names = DecoderKind::MODEL_TYPES.join(", ");
            f.unsupported("model_type", named, &names)
        })?;
        Self::of_kind(root, section, kind, &kind.defaults())
    }

    /// A placeholder's id by the field `key` of `root`, which the vocabulary has to have.
    pub(in crate::families) fn known(
        &self,
        root: &Fields<'_>,
        key: &str,
        id: u32,
    ) -> Result<u32, WeightsError> {
        match (id as usize) < self.vocab_size {
            true => Ok(id),
            false => {
                let expected = format!("below {}vocab_size = {}", self.section, self.vocab_size);
                Err(root.invalid(key, expected, id))
            }
        }
    }

    /// The fields in the section of `root`, or in `root` itself where the section is empty.
    pub(in crate::families) fn section<'a>(
        root: &Fields<'a>,
        section: &str,
        empty: &'a Map<String, Value>,
    ) -> Result<Fields<'a>, WeightsError> {
        match section.strip_suffix('.') {
            Some(key) => root.section_or(key, empty),
            None => Ok(root.section_itself()),
        }
    }

    /// The same of a kind that is known, whatever `model_type` says.
    ///
    /// # Errors
    /// As [`DecoderSpec::parse`].
    pub(in crate::families) fn of_kind(
        root: &Fields<'_>,
        section: &'static str,
        kind: DecoderKind,
        d: &Defaults,
    ) -> Result<Self, WeightsError> {
        let empty = Map::new();
        let f = &Self::section(root, section, &empty)?;
        let gemma3 = kind == DecoderKind::Gemma3;
        let gemma = gemma3 || kind == DecoderKind::Gemma;
        let hidden_size = f.count("hidden_size", 1..=65536)?.unwrap_or(d.hidden_size);
        let num_attention_heads = f
            .count("num_attention_heads", 1..=4096)?
            .unwrap_or(d.num_attention_heads);
        let num_key_value_heads = (f.count("num_key_value_heads", 1..=4096)?)
            .or(d
                .num_key_value_heads
                .filter(|_| !f.is_null("num_key_value_heads")))
            .unwrap_or(num_attention_heads);
        if num_attention_heads % num_key_value_heads != 0 {
            return Err(f.invalid(
                "num_key_value_heads",
                format!("a divisor of num_attention_heads = {num_attention_heads}"),
                num_key_value_heads,
            ));
        }
        let head_dim = match f.count("head_dim", 1..=4096)?.or(d.head_dim) {
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
            .unwrap_or(d.max_position_embeddings);
        let Rope {
            theta: rope_theta,
            scaling: rope_scaling,
            local_theta: rope_local_theta,
        } = match gemma3 {
            true => rope::parse_two(f, max_position_embeddings, head_dim)?,
            false => rope::parse(f, d.rope_theta, max_position_embeddings, head_dim)?,
        };
        let num_hidden_layers = f
            .count("num_hidden_layers", 1..=1024)?
            .unwrap_or(d.num_hidden_layers);
        let (sliding_window, windowed) = windows(f, kind, d, num_hidden_layers)?;
        let tied = |fields: &Fields<'_>| fields.flag("tie_word_embeddings");
        let own_tie = tied(f)?;
        let bias = f.flag("attention_bias")?.unwrap_or(false);
        let qwen2 = kind == DecoderKind::Qwen2;
        let may_have_bias = !qwen2 && kind != DecoderKind::Mistral;
        let scalar = match gemma3 {
            true => f.float("query_pre_attn_scalar", 0.0)?.unwrap_or(256.0),
            false => head_dim as f32,
        };
        if gemma3 && f.flag("use_bidirectional_attention")?.unwrap_or(false) {
            return Err(f.unsupported("use_bidirectional_attention", "true", "false"));
        }
        let activation = match kind {
            DecoderKind::Gemma3 => Activation::parse(f, "hidden_activation", Activation::GeluTanh)?,
            // Whatever gelu the file names, it is this one.
            DecoderKind::Gemma => Activation::GeluTanh,
            _ => Activation::parse(f, "hidden_act", Activation::Silu)?,
        };
        Ok(Self {
            kind,
            section,
            hidden_size,
            intermediate_size: f
                .count("intermediate_size", 1..=1 << 20)?
                .unwrap_or(d.intermediate_size),
            num_hidden_layers,
            num_attention_heads,
            num_key_value_heads,
            head_dim,
            vocab_size: f.count("vocab_size", 1..=1 << 24)?.unwrap_or(d.vocab_size),
            max_position_embeddings,
            rms_norm_eps: f.float("rms_norm_eps", 0.0)?.unwrap_or(d.rms_norm_eps),
            norm_offset: gemma,
            norms_behind: gemma3,
            qk_norm: gemma3 || kind == DecoderKind::Qwen3,
            rope_theta,
            rope_scaling,
            rope_local_theta,
            rope_sections: None,
            attention_scale: scalar.powf(-0.5),
            embed_scale: gemma.then_some((hidden_size as f32).sqrt()),
            sliding_window,
            windowed,
            tie_word_embeddings: match (tied(root)?, own_tie) {
                (None, None) => gemma,
                (outer, own) => outer.unwrap_or(false) || own.unwrap_or(false),
            },
            attention_bias: qwen2 || may_have_bias && bias,
            output_bias: may_have_bias && bias,
            mlp_bias: kind == DecoderKind::Llama && f.flag("mlp_bias")?.unwrap_or(false),
            activation,
            use_moca: root.flag("use_moca")?.unwrap_or(false),
        })
    }
}
