//! The tensors that a configuration asks for, by canonical name.

mod connector;

use super::config::{VisionKind, VlmConfig};

/// The head's canonical name.
pub const LM_HEAD: &str = "lm_head.weight";

/// What a tensor is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Every forward pass.
    Forward,
    /// The words that a state is nearest to; hidden states are had without it.
    Words,
    /// Nothing: a norm that LLaVA never applies.
    Nothing,
}

/// A tensor of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// Canonical name.
    pub name: String,
    /// Sizes, outer to inner.
    pub shape: Vec<usize>,
    /// The configuration fields that give each size.
    pub fields: Vec<&'static str>,
    /// What it is needed for.
    pub need: Need,
}

/// A tensor that must not be there, with the field that says so and the field's value.
#[derive(Clone, Debug, PartialEq)]
pub struct RuledOut {
    /// Canonical name, or its beginning where it ends with a dot.
    pub name: String,
    /// The field.
    pub field: &'static str,
    /// Its value.
    pub value: String,
}

/// A size with the field it comes from.
type Size = (usize, &'static str);

struct List(Vec<Expected>);

impl List {
    fn add(&mut self, name: String, sizes: &[Size]) {
        self.0.push(Expected {
            name,
            shape: sizes.iter().map(|s| s.0).collect(),
            fields: sizes.iter().map(|s| s.1).collect(),
            need: Need::Forward,
        });
    }

    fn linear(&mut self, name: &str, out: Size, input: Size, bias: bool) {
        self.add(format!("{name}.weight"), &[out, input]);
        if bias {
            self.add(format!("{name}.bias"), &[out]);
        }
    }

    /// What was added from index `start` on is needed for `need` only.
    fn needed_for(&mut self, need: Need, start: usize) {
        self.0[start..].iter_mut().for_each(|e| e.need = need);
    }

    fn layer_norm(&mut self, name: &str, size: Size) {
        self.add(format!("{name}.weight"), &[size]);
        self.add(format!("{name}.bias"), &[size]);
    }
}

/// All tensors of the model, in the order in which a forward pass meets them.
pub fn expected(config: &VlmConfig) -> Vec<Expected> {
    let mut list = List(Vec::new());
    vision(config, &mut list);
    connector::expected(config, &mut list);
    text(config, &mut list);
    list.0
}

fn vision(config: &VlmConfig, list: &mut List) {
    let v = &config.vision;
    let clip = v.kind == VisionKind::Clip;
    let width = (v.hidden_size, "vision_config.hidden_size");
    let inner = (v.intermediate_size, "vision_config.intermediate_size");
    let patch = (v.patch_size, "vision_config.patch_size");
    let channels = (v.num_channels, "vision_config.num_channels");
    let positions = (
        v.table_positions(),
        "vision_config.image_size and vision_config.patch_size",
    );
    if clip {
        list.add("vision_tower.embeddings.class_embedding".into(), &[width]);
    }
    let embedding = "vision_tower.embeddings.patch_embedding";
    list.add(
        format!("{embedding}.weight"),
        &[width, channels, patch, patch],
    );
    if !clip {
        list.add(format!("{embedding}.bias"), &[width]);
    }
    list.add(
        "vision_tower.embeddings.position_embedding.weight".into(),
        &[positions, width],
    );
    if clip {
        list.layer_norm("vision_tower.pre_layrnorm", width);
    }
    for i in 0..v.num_hidden_layers {
        let layer = format!("vision_tower.encoder.layers.{i}");
        list.layer_norm(&format!("{layer}.layer_norm1"), width);
        for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            list.linear(&format!("{layer}.self_attn.{part}"), width, width, true);
        }
        list.layer_norm(&format!("{layer}.layer_norm2"), width);
        list.linear(&format!("{layer}.mlp.fc1"), inner, width, true);
        list.linear(&format!("{layer}.mlp.fc2"), width, inner, true);
    }
    // LLaVA takes hidden states from before this norm; some files leave it out.
    let start = list.0.len();
    list.layer_norm("vision_tower.post_layernorm", width);
    list.needed_for(Need::Nothing, start);
}

fn text(config: &VlmConfig, list: &mut List) {
    let t = &config.text;
    let width = (t.hidden_size, "text_config.hidden_size");
    let inner = (t.intermediate_size, "text_config.intermediate_size");
    let vocab = (t.vocab_size, "text_config.vocab_size");
    let query = (
        t.num_attention_heads * t.head_dim,
        "text_config.num_attention_heads times head_dim",
    );
    let key = (
        t.num_key_value_heads * t.head_dim,
        "text_config.num_key_value_heads times head_dim",
    );
    list.add("language_model.embed_tokens.weight".into(), &[vocab, width]);
    for i in 0..t.num_hidden_layers {
        let layer = format!("language_model.layers.{i}");
        list.add(format!("{layer}.input_layernorm.weight"), &[width]);
        let attention = |part: &str| format!("{layer}.self_attn.{part}");
        list.linear(&attention("q_proj"), query, width, t.attention_bias);
        list.linear(&attention("k_proj"), key, width, t.attention_bias);
        list.linear(&attention("v_proj"), key, width, t.attention_bias);
        list.linear(&attention("o_proj"), width, query, t.attention_bias);
        list.add(format!("{layer}.post_attention_layernorm.weight"), &[width]);
        list.linear(&format!("{layer}.mlp.gate_proj"), inner, width, t.mlp_bias);
        list.linear(&format!("{layer}.mlp.up_proj"), inner, width, t.mlp_bias);
        list.linear(&format!("{layer}.mlp.down_proj"), width, inner, t.mlp_bias);
        if config.use_moca {
            for part in ["scale", "shift"] {
                list.add(format!("{layer}.modality_layernorm.{part}"), &[width]);
            }
        }
    }
    list.add("language_model.norm.weight".into(), &[width]);
    if !t.tie_word_embeddings {
        let start = list.0.len();
        list.add(LM_HEAD.into(), &[vocab, width]);
        list.needed_for(Need::Words, start);
    }
}

/// Tensors whose presence shows that the configuration belongs to other weights: biases and a
/// modality calibration it denies, and layers beyond its count. Other extra tensors (buffers, pooling heads) are harmless.
pub fn ruled_out(config: &VlmConfig) -> Vec<RuledOut> {
    let mut list = Vec::new();
    let mut add = |name: String, field, value: String| {
        list.push(RuledOut { name, field, value });
    };
    let layers = config.vision.num_hidden_layers;
    add(
        format!("vision_tower.encoder.layers.{layers}."),
        "vision_config.num_hidden_layers",
        layers.to_string(),
    );
    let layers = config.text.num_hidden_layers;
    add(
        format!("language_model.layers.{layers}."),
        "text_config.num_hidden_layers",
        layers.to_string(),
    );
    for i in 0..layers {
        let layer = format!("language_model.layers.{i}");
        if !config.use_moca {
            add(
                format!("{layer}.modality_layernorm."),
                "use_moca",
                "false".into(),
            );
        }
        if !config.text.attention_bias {
            for part in ["q_proj", "k_proj", "v_proj", "o_proj"] {
                add(
                    format!("{layer}.self_attn.{part}.bias"),
                    "text_config.attention_bias",
                    "false".into(),
                );
            }
        }
        if !config.text.mlp_bias {
            for part in ["gate_proj", "up_proj", "down_proj"] {
                add(
                    format!("{layer}.mlp.{part}.bias"),
                    "text_config.mlp_bias",
                    "false".into(),
                );
            }
        }
    }
    list.extend(connector::ruled_out(config));
    list
}
