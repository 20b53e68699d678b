//! Names of a decoder's tensors: llama.cpp's become those of Hugging Face's classes.

use super::{super::undo::Undo, architecture::Architecture};

/// What stands before a layer's part, and its name in a layer; the same in all architectures.
const PARTS: [(&str, &str); 10] = [
    ("attn_norm", "input_layernorm"),
    ("attn_q", "self_attn.q_proj"),
    ("attn_k", "self_attn.k_proj"),
    ("attn_v", "self_attn.v_proj"),
    ("attn_output", "self_attn.o_proj"),
    ("attn_q_norm", "self_attn.q_norm"),
    ("attn_k_norm", "self_attn.k_norm"),
    ("ffn_gate", "mlp.gate_proj"),
    ("ffn_up", "mlp.up_proj"),
    ("ffn_down", "mlp.down_proj"),
];

/// The norm before the MLP where there is none behind it.
const PLAIN: [(&str, &str); 1] = [("ffn_norm", "post_attention_layernorm")];

/// Norms of layers that have some behind attention and MLP, too.
const BEHIND: [(&str, &str); 3] = [
    ("post_attention_norm", "post_attention_layernorm"),
    ("ffn_norm", "pre_feedforward_layernorm"),
    ("post_ffw_norm", "post_feedforward_layernorm"),
];

/// The tensor's name in a checkpoint of the decoder alone, and what was done to it. Names of no known place
/// stay as they are.
pub(super) fn of_decoder(architecture: &Architecture, name: &str) -> (String, Undo) {
    let found = match name {
        "token_embd.weight" => Some("model.embed_tokens.weight".to_owned()),
        "output_norm.weight" => Some("model.norm.weight".to_owned()),
        "output.weight" => Some("lm_head.weight".to_owned()),
        name => in_layer(architecture, name),
    };
    let undo = match () {
        () if architecture.pairs && name.contains(".attn_q.") => Undo::Pairs {
            head: architecture.head_dim,
        },
        () if architecture.pairs && name.contains(".attn_k.") => Undo::Pairs {
            head: architecture.head_dim,
        },
        () if architecture.norm_plus_1 && name.ends_with("norm.weight") => Undo::Plus1,
        () => Undo::Nothing,
    };
    (found.unwrap_or_else(|| name.to_owned()), undo)
}

fn in_layer(architecture: &Architecture, name: &str) -> Option<String> {
    let (layer, rest) = name.strip_prefix("blk.")?.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    let norms: &[(&str, &str)] = match architecture.norms_behind {
        true => &BEHIND,
        false => &PLAIN,
    };
    let mut all = PARTS.iter().chain(norms);
    let (_, own) = all.find(|(theirs, _)| *theirs == part)?;
    Some(format!("model.layers.{layer}.{own}.{kind}"))
}
