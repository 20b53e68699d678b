//! From the tensor names in the wild to canonical ones.
//!
//! | in the file | canonical |
//! |---|---|
//! | `language_model.model.X`, `model.language_model.X` | `language_model.X` |
//! | `language_model.lm_head.X`, `model.lm_head.X`, `lm_head.X` | `lm_head.X` |
//! | `vision_tower.vision_model.X`, `model.vision_tower.[vision_model.]X` | `vision_tower.X` |
//! | `model.multi_modal_projector.X` | `multi_modal_projector.X` |
//! | `model.image_newline` | `image_newline` |
//! | `multi_modal_projector.{linear,}.{weight,bias}`, `[model.]mm_projector.{weight,bias}` | `multi_modal_projector.linear_1.{weight,bias}`, a linear connector |
//! | `[model.]mm_projector.{0,2,4,...}.X` | `multi_modal_projector.linear_{1,2,3,...}.X` |
//! | `model.layers.{i}.modality_layernorm.X` | `language_model.layers.{i}.modality_layernorm.X` |

use super::{Family, ModelSpec};

/// The canonical name for a name in a file. Names of no known place stay as they are.
pub fn canonical(name: &str) -> String {
    let name = strip_model(name);
    if let Some(rest) = name.strip_prefix("language_model.lm_head.") {
        return format!("lm_head.{rest}");
    }
    if let Some(rest) = name.strip_prefix("language_model.model.") {
        return format!("language_model.{rest}");
    }
    if let Some(rest) = name.strip_prefix("vision_tower.") {
        let rest = rest.strip_prefix("vision_model.").unwrap_or(rest);
        return format!("vision_tower.{}", tower_part(rest));
    }
    if let Some(part) = linear_connector(name) {
        return format!("multi_modal_projector.linear_1.{part}");
    }
    if let Some((layer, rest)) = mlp_layer(name) {
        return format!("multi_modal_projector.linear_{layer}.{rest}");
    }
    if let Some(rest) = name.strip_prefix("model.layers.")
        && rest.contains(".modality_layernorm.")
    {
        return format!("language_model.layers.{rest}");
    }
    name.to_owned()
}

/// The canonical name of a tensor in a tower's own folder. What belongs to no tower stays as it is.
pub fn tower_canonical(name: &str) -> String {
    let inner = ["vision_model.", "dinov2.", "dinov2_with_registers."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    let of_tower = [
        "embeddings.",
        "encoder.",
        "pre_layrnorm.",
        "post_layernorm.",
        "layernorm.",
    ];
    match of_tower.iter().any(|part| inner.starts_with(part)) {
        true => canonical(&format!("vision_tower.{inner}")),
        false => name.to_owned(),
    }
}

/// The canonical name of a tensor of a tower, without the tower's own prefix, in the spelling of DINOv2
/// where it is that.
fn tower_part(name: &str) -> String {
    vit_part(
        name,
        &[
            ("norm1.", "layer_norm1."),
            ("norm2.", "layer_norm2."),
            ("attention.attention.query.", "self_attn.q_proj."),
            ("attention.attention.key.", "self_attn.k_proj."),
            ("attention.attention.value.", "self_attn.v_proj."),
            ("attention.output.dense.", "self_attn.out_proj."),
            // transformers 5.
            ("attention.q_proj.", "self_attn.q_proj."),
            ("attention.k_proj.", "self_attn.k_proj."),
            ("attention.v_proj.", "self_attn.v_proj."),
            ("attention.o_proj.", "self_attn.out_proj."),
            ("layer_scale1.lambda1", "layer_scale1"),
            ("layer_scale2.lambda1", "layer_scale2"),
        ],
    )
}

/// The same of a tower that is spelled as transformers' ViT; `layer` has the beginnings of names within a
/// layer. Other names stay as they are.
pub(super) fn vit_part(name: &str, layer: &[(&str, &str)]) -> String {
    const WHOLE: [(&str, &str); 4] = [
        ("embeddings.cls_token", "embeddings.class_embedding"),
        (
            "embeddings.position_embeddings",
            "embeddings.position_embedding.weight",
        ),
        (
            "embeddings.patch_embeddings.projection.",
            "embeddings.patch_embedding.",
        ),
        ("layernorm.", "post_layernorm."),
    ];
    let renamed = |name: &str, table: &[(&str, &str)]| {
        let found = table.iter().find_map(|(own, canonical)| {
            let rest = name.strip_prefix(own)?;
            Some(format!("{canonical}{rest}"))
        });
        found.unwrap_or_else(|| name.to_owned())
    };
    match (name.strip_prefix("encoder.layer.")).and_then(|rest| rest.split_once('.')) {
        Some((index, rest)) => format!("encoder.layers.{index}.{}", renamed(rest, layer)),
        None => renamed(name, &WHOLE),
    }
}

/// Whether a name in a file belongs to a connector that is one linear layer.
pub fn is_linear_connector(name: &str) -> bool {
    linear_connector(strip_model(name)).is_some()
}

/// Gives the decoder a head of its own where the files hold one: what transformers 5 goes by, whatever
/// the configuration says.
pub(super) fn settle_head(family: &dyn Family, spec: &mut ModelSpec, tensors: &[&str]) {
    let head = |name: &&str| family.canonical(name) == "lm_head.weight";
    spec.text.tie_word_embeddings &= !tensors.iter().any(head);
}

fn strip_model(name: &str) -> &str {
    const PARTS: [&str; 6] = [
        "image_newline",
        "language_model.",
        "vision_tower.",
        "multi_modal_projector.",
        "mm_projector.",
        "lm_head.",
    ];
    match name.strip_prefix("model.") {
        Some(rest) if PARTS.iter().any(|part| rest.starts_with(part)) => rest,
        _ => name,
    }
}

/// `weight` or `bias` where the name is that of a one-layer connector.
fn linear_connector(name: &str) -> Option<&str> {
    let rest = name
        .strip_prefix("multi_modal_projector.linear.")
        .or_else(|| name.strip_prefix("multi_modal_projector."))
        .or_else(|| name.strip_prefix("mm_projector."))?;
    matches!(rest, "weight" | "bias").then_some(rest)
}

/// Layer, counted from 1, and the rest of a name in LLaVA's own MLP: every second of its modules is
/// an activation.
fn mlp_layer(name: &str) -> Option<(usize, &str)> {
    let (module, rest) = name.strip_prefix("mm_projector.")?.split_once('.')?;
    let layer = (1..=8).find(|layer: &usize| (2 * layer - 2).to_string() == module)?;
    Some((layer, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prefix_in_the_wild_has_one_canonical_name() {
        let cases = [
            (
                "language_model.model.layers.3.mlp.up_proj.weight",
                "language_model.layers.3.mlp.up_proj.weight",
            ),
            (
                "model.language_model.norm.weight",
                "language_model.norm.weight",
            ),
            ("language_model.lm_head.weight", "lm_head.weight"),
            ("lm_head.weight", "lm_head.weight"),
            (
                "vision_tower.vision_model.pre_layrnorm.bias",
                "vision_tower.pre_layrnorm.bias",
            ),
            (
                "model.vision_tower.vision_model.post_layernorm.bias",
                "vision_tower.post_layernorm.bias",
            ),
            (
                "vision_tower.embeddings.class_embedding",
                "vision_tower.embeddings.class_embedding",
            ),
            (
                "model.multi_modal_projector.linear_2.bias",
                "multi_modal_projector.linear_2.bias",
            ),
            (
                "model.mm_projector.weight",
                "multi_modal_projector.linear_1.weight",
            ),
            (
                "multi_modal_projector.linear.bias",
                "multi_modal_projector.linear_1.bias",
            ),
            (
                "mm_projector.2.weight",
                "multi_modal_projector.linear_2.weight",
            ),
            (
                "model.mm_projector.6.bias",
                "multi_modal_projector.linear_4.bias",
            ),
            ("mm_projector.1.weight", "mm_projector.1.weight"),
            ("model.image_newline", "image_newline"),
            (
                "model.layers.3.modality_layernorm.scale",
                "language_model.layers.3.modality_layernorm.scale",
            ),
            (
                "model.language_model.layers.3.modality_layernorm.shift",
                "language_model.layers.3.modality_layernorm.shift",
            ),
            (
                "language_model.model.layers.3.modality_layernorm.scale",
                "language_model.layers.3.modality_layernorm.scale",
            ),
            ("model.something.else", "model.something.else"),
        ];
        for (real, expected) in cases {
            assert_eq!(canonical(real), expected, "{real}");
            assert_eq!(canonical(expected), expected, "canonical names stay");
        }
    }

    #[test]
    fn only_one_layer_names_are_linear_connectors() {
        assert!(is_linear_connector("model.multi_modal_projector.weight"));
        assert!(is_linear_connector("multi_modal_projector.linear.weight"));
        assert!(!is_linear_connector(
            "multi_modal_projector.linear_1.weight"
        ));
    }
}
