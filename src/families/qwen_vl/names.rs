//! Canonical names of tensors; the hub's lack the first `model.`, and its decoder a name of its own.

use super::super::names;

/// Parts of a tower's layer.
const IN_LAYER: [(&str, &str); 9] = [
    ("norm1.", "layer_norm1."),
    ("norm2.", "layer_norm2."),
    ("attn.qkv.", "self_attn.qkv."),
    // Where llama.cpp's converter cut the one above.
    ("attn.q.", "self_attn.q_proj."),
    ("attn.k.", "self_attn.k_proj."),
    ("attn.v.", "self_attn.v_proj."),
    ("attn.proj.", "self_attn.out_proj."),
    ("mlp.linear_fc1.", "mlp.fc1."),
    ("mlp.linear_fc2.", "mlp.fc2."),
];

/// Parts of a merger.
const IN_MERGER: [(&str, &str); 5] = [
    ("ln_q.", "norm."),
    ("mlp.0.", "linear_1."),
    ("mlp.2.", "linear_2."),
    ("linear_fc1.", "linear_1."),
    ("linear_fc2.", "linear_2."),
];

/// The canonical name for a name in a file.
pub(super) fn canonical(name: &str) -> String {
    let inner = name.strip_prefix("model.").unwrap_or(name);
    if let Some(seen) = inner.strip_prefix("visual.") {
        return of_tower(seen);
    }
    match name.strip_prefix("model.") {
        Some(text) if !text.starts_with("language_model.") => format!("language_model.{text}"),
        _ => names::canonical(name),
    }
}

/// Whether a name in a file is that of a tower's queries alone.
pub(super) fn is_query(name: &str) -> bool {
    let name = canonical(name);
    name.starts_with("vision_tower.") && name.ends_with(".self_attn.q_proj.weight")
}

fn of_tower(name: &str) -> String {
    if let Some(rest) = name.strip_prefix("patch_embed.proj.") {
        return format!("vision_tower.embeddings.patch_embedding.{rest}");
    }
    if let Some(rest) = name.strip_prefix("pos_embed.") {
        return format!("vision_tower.embeddings.position_embedding.{rest}");
    }
    if let Some((layer, rest)) = numbered(name, "blocks.") {
        return format!(
            "vision_tower.encoder.layers.{layer}.{}",
            renamed(rest, &IN_LAYER)
        );
    }
    if let Some(rest) = name.strip_prefix("merger.") {
        return format!("multi_modal_projector.{}", renamed(rest, &IN_MERGER));
    }
    if let Some((merger, rest)) = numbered(name, "deepstack_merger_list.") {
        let part = renamed(rest, &IN_MERGER);
        return format!("multi_modal_projector.deepstack.{merger}.{part}");
    }
    format!("vision_tower.{name}")
}

/// Number and rest of a name of something numbered.
fn numbered<'a>(name: &'a str, list: &str) -> Option<(&'a str, &'a str)> {
    name.strip_prefix(list)?.split_once('.')
}

/// The name with its beginning replaced.
fn renamed(name: &str, parts: &[(&str, &str)]) -> String {
    let mut parts = parts.iter();
    let replaced = parts.find_map(|(from, to)| Some(format!("{to}{}", name.strip_prefix(from)?)));
    replaced.unwrap_or_else(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_names_are_one() {
        let cases = [
            (
                "visual.patch_embed.proj.weight",
                "vision_tower.embeddings.patch_embedding.weight",
            ),
            (
                "model.visual.pos_embed.weight",
                "vision_tower.embeddings.position_embedding.weight",
            ),
            (
                "visual.blocks.3.attn.qkv.bias",
                "vision_tower.encoder.layers.3.self_attn.qkv.bias",
            ),
            (
                "visual.blocks.0.mlp.gate_proj.bias",
                "vision_tower.encoder.layers.0.mlp.gate_proj.bias",
            ),
            (
                "model.visual.blocks.12.mlp.linear_fc2.weight",
                "vision_tower.encoder.layers.12.mlp.fc2.weight",
            ),
            (
                "visual.merger.ln_q.weight",
                "multi_modal_projector.norm.weight",
            ),
            (
                "visual.merger.mlp.2.bias",
                "multi_modal_projector.linear_2.bias",
            ),
            (
                "model.visual.deepstack_merger_list.1.linear_fc1.weight",
                "multi_modal_projector.deepstack.1.linear_1.weight",
            ),
            ("model.norm.weight", "language_model.norm.weight"),
            (
                "model.language_model.layers.1.self_attn.q_norm.weight",
                "language_model.layers.1.self_attn.q_norm.weight",
            ),
            ("lm_head.weight", "lm_head.weight"),
        ];
        for (name, expected) in cases {
            assert_eq!(canonical(name), expected, "{name}");
            assert_eq!(canonical(expected), expected, "canonical names stay");
        }
    }
}
