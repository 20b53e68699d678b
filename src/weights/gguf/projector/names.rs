//! Names of a vision part's tensors: llama.cpp's become those of Hugging Face's classes.

use super::kind::Kind;

/// Beginnings of names, and what stands in their place.
type Beginnings = &'static [(&'static str, &'static str)];

/// The names of a class.
struct Class {
    /// What stands before all names of the decoder alone, without its first part `model.`.
    decoder: &'static str,
    /// The same of its head.
    head: &'static str,
    /// Before all names of the tower.
    tower: &'static str,
    /// What of the tower comes before and behind its layers.
    around: Beginnings,
    /// The list of layers.
    layers: &'static str,
    /// The parts of a layer.
    parts: Beginnings,
    /// The connector.
    connector: Beginnings,
}

const SIGLIP_AROUND: Beginnings = &[
    ("v.patch_embd.", "embeddings.patch_embedding."),
    ("v.position_embd.", "embeddings.position_embedding."),
    ("v.class_embd", "embeddings.class_embedding"),
    // The spelling is that of the class.
    ("v.pre_ln.", "pre_layrnorm."),
    ("v.post_ln.", "post_layernorm."),
];

const SIGLIP_PARTS: Beginnings = &[
    ("ln1.", "layer_norm1."),
    ("ln2.", "layer_norm2."),
    ("attn_q.", "self_attn.q_proj."),
    ("attn_k.", "self_attn.k_proj."),
    ("attn_v.", "self_attn.v_proj."),
    ("attn_out.", "self_attn.out_proj."),
    ("ffn_up.", "mlp.fc1."),
    ("ffn_down.", "mlp.fc2."),
];

const LLAVA: Class = Class {
    decoder: "model.",
    head: "",
    tower: "model.vision_tower.vision_tower.vision_model.",
    around: SIGLIP_AROUND,
    layers: "encoder.layers.",
    parts: SIGLIP_PARTS,
    connector: &[("mm.", "model.mm_projector.")],
};

const GEMMA3: Class = Class {
    decoder: "language_model.model.",
    head: "language_model.",
    tower: "vision_tower.vision_model.",
    connector: &[
        (
            "mm.input_projection.weight",
            "multi_modal_projector.mm_input_projection_weight",
        ),
        (
            "mm.soft_emb_norm.",
            "multi_modal_projector.mm_soft_emb_norm.",
        ),
    ],
    ..LLAVA
};

const IDEFICS3: Class = Class {
    decoder: "model.text_model.",
    head: "",
    tower: "model.vision_model.",
    connector: &[("mm.model.fc.", "model.connector.modality_projection.proj.")],
    ..LLAVA
};

const INTERNVL: Class = Class {
    decoder: "language_model.model.",
    head: "language_model.",
    tower: "vision_tower.",
    around: &[
        ("v.patch_embd.", "embeddings.patch_embeddings.projection."),
        ("v.position_embd.weight", "embeddings.position_embeddings"),
        ("v.position_embd", "embeddings.position_embeddings"),
        ("v.class_embd", "embeddings.cls_token"),
        ("v.post_ln.", "layernorm."),
    ],
    layers: "encoder.layer.",
    parts: &[
        ("ln1.", "layernorm_before."),
        ("ln2.", "layernorm_after."),
        ("ls1.weight", "lambda_1"),
        ("ls2.weight", "lambda_2"),
        ("attn_q.", "attention.q_proj."),
        ("attn_k.", "attention.k_proj."),
        ("attn_v.", "attention.v_proj."),
        ("attn_q_norm.", "attention.q_norm."),
        ("attn_k_norm.", "attention.k_norm."),
        ("attn_out.", "attention.projection_layer."),
        ("ffn_up.", "mlp.fc1."),
        ("ffn_down.", "mlp.fc2."),
    ],
    connector: &[
        ("mm.model.mlp.0.", "multi_modal_projector.layer_norm."),
        ("mm.model.mlp.1.", "multi_modal_projector.linear_1."),
        ("mm.model.mlp.3.", "multi_modal_projector.linear_2."),
    ],
};

const QWEN2_VL: Class = Class {
    decoder: "model.",
    head: "",
    tower: "visual.",
    around: &[
        ("v.patch_embd.", "patch_embed.proj."),
        ("v.post_ln.", "merger.ln_q."),
    ],
    layers: "blocks.",
    parts: &[
        ("ln1.", "norm1."),
        ("ln2.", "norm2."),
        ("attn_qkv.", "attn.qkv."),
        // No class has these: the converter cut the one above.
        ("attn_q.", "attn.q."),
        ("attn_k.", "attn.k."),
        ("attn_v.", "attn.v."),
        ("attn_out.", "attn.proj."),
        ("ffn_up.", "mlp.fc1."),
        ("ffn_down.", "mlp.fc2."),
    ],
    connector: &[
        ("mm.0.", "visual.merger.mlp.0."),
        ("mm.2.", "visual.merger.mlp.2."),
    ],
};

const QWEN2_5_VL: Class = Class {
    parts: &[
        ("ln1.", "norm1."),
        ("ln2.", "norm2."),
        ("attn_qkv.", "attn.qkv."),
        ("attn_q.", "attn.q."),
        ("attn_k.", "attn.k."),
        ("attn_v.", "attn.v."),
        ("attn_out.", "attn.proj."),
        ("ffn_gate.", "mlp.gate_proj."),
        ("ffn_up.", "mlp.up_proj."),
        ("ffn_down.", "mlp.down_proj."),
    ],
    ..QWEN2_VL
};

fn class(kind: Kind) -> &'static Class {
    match kind {
        Kind::Llava => &LLAVA,
        Kind::Gemma3 => &GEMMA3,
        Kind::Idefics3 => &IDEFICS3,
        Kind::InternVl => &INTERNVL,
        Kind::Qwen2Vl => &QWEN2_VL,
        Kind::Qwen25Vl => &QWEN2_5_VL,
    }
}

/// The name in the whole model of a tensor that has this one in the class of the decoder alone.
pub(super) fn of_decoder(kind: Kind, name: String) -> String {
    let class = class(kind);
    match name.strip_prefix("model.") {
        Some(rest) => format!("{}{rest}", class.decoder),
        None if name.starts_with("lm_head.") => format!("{}{name}", class.head),
        None => name,
    }
}

/// The name in the whole model of one of the part's tensors; `exchanged` says that the layers of MLPs have
/// each other's names. Names of no known place stay as they are.
pub(super) fn of_part(kind: Kind, name: &str, exchanged: bool) -> String {
    let class = class(kind);
    let found = match name.starts_with("mm.") {
        true => replaced(name, class.connector),
        false => of_tower(class, name, exchanged).map(|rest| format!("{}{rest}", class.tower)),
    };
    found.unwrap_or_else(|| name.to_owned())
}

fn of_tower(class: &Class, name: &str, exchanged: bool) -> Option<String> {
    if let Some(name) = replaced(name, class.around) {
        return Some(name);
    }
    let (layer, rest) = name.strip_prefix("v.blk.")?.split_once('.')?;
    let other = match rest.split_once('.') {
        Some(("ffn_up", kind)) if exchanged => Some(format!("ffn_down.{kind}")),
        Some(("ffn_down", kind)) if exchanged => Some(format!("ffn_up.{kind}")),
        _ => None,
    };
    let part = replaced(other.as_deref().unwrap_or(rest), class.parts)?;
    Some(format!("{}{layer}.{part}", class.layers))
}

/// The name with its beginning replaced.
fn replaced(name: &str, beginnings: Beginnings) -> Option<String> {
    beginnings.iter().find_map(|(theirs, own)| {
        let rest = name.strip_prefix(theirs)?;
        Some(format!("{own}{rest}"))
    })
}
