//! Golden checkpoints as llama.cpp's converters write them: a decoder's file and a vision part's.

use std::path::Path;

use mirscope::{
    families::{Activation, RopeScaling, TowerKind},
    model::Checkpoint,
    weights::{HostTensor, StorageType},
};
use serde_json::Value as Json;

use super::{
    tokens,
    write::{File, Tensor, Value},
};

/// A kind of vision part and its decoder's architecture.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub projector: &'static str,
    pub architecture: &'static str,
}

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stored {
    /// As in the checkpoint; vectors, positions and patches in F32, as the converters have it.
    Own,
    /// All in F32.
    F32,
}

/// A tensor's place and bytes on the way from one name to the other.
struct Moved {
    shape: Vec<usize>,
    dtype: StorageType,
    bytes: Vec<u8>,
}

const TOWER: [(&str, &str); 5] = [
    ("embeddings.patch_embedding.", "v.patch_embd."),
    ("embeddings.position_embedding.", "v.position_embd."),
    ("embeddings.class_embedding", "v.class_embd"),
    ("pre_layrnorm.", "v.pre_ln."),
    ("post_layernorm.", "v.post_ln."),
];

const LAYER: [(&str, &str); 16] = [
    ("layer_norm1.", "ln1."),
    ("layer_norm2.", "ln2."),
    ("layer_scale1", "ls1.weight"),
    ("layer_scale2", "ls2.weight"),
    ("self_attn.q_proj.", "attn_q."),
    ("self_attn.k_proj.", "attn_k."),
    ("self_attn.v_proj.", "attn_v."),
    ("self_attn.qkv.", "attn_qkv."),
    ("self_attn.q_norm.", "attn_q_norm."),
    ("self_attn.k_norm.", "attn_k_norm."),
    ("self_attn.out_proj.", "attn_out."),
    ("mlp.fc1.", "ffn_up."),
    ("mlp.fc2.", "ffn_down."),
    ("mlp.gate_proj.", "ffn_gate."),
    ("mlp.up_proj.", "ffn_up."),
    ("mlp.down_proj.", "ffn_down."),
];

const DECODER: [(&str, &str); 10] = [
    ("self_attn.q_proj.", "attn_q."),
    ("self_attn.k_proj.", "attn_k."),
    ("self_attn.v_proj.", "attn_v."),
    ("self_attn.o_proj.", "attn_output."),
    ("self_attn.q_norm.", "attn_q_norm."),
    ("self_attn.k_norm.", "attn_k_norm."),
    ("mlp.gate_proj.", "ffn_gate."),
    ("mlp.up_proj.", "ffn_up."),
    ("mlp.down_proj.", "ffn_down."),
    ("input_layernorm.", "attn_norm."),
];

fn replaced(name: &str, table: &[(&str, &str)]) -> Option<String> {
    table.iter().find_map(|(own, theirs)| {
        let rest = name.strip_prefix(own)?;
        Some(format!("{theirs}{rest}"))
    })
}

impl Kind {
    fn is_qwen(self) -> bool {
        self.projector.starts_with("qwen")
    }

    fn is_gemma(self) -> bool {
        self.projector == "gemma3"
    }

    /// The name in a file, and whether that is the vision part's.
    fn name(self, canonical: &str) -> (String, bool) {
        let found = if let Some(rest) = canonical.strip_prefix("language_model.layers.") {
            let (layer, rest) = rest.split_once('.').unwrap();
            let norms: &[(&str, &str)] = match self.is_gemma() {
                true => &[
                    ("post_attention_layernorm.", "post_attention_norm."),
                    ("pre_feedforward_layernorm.", "ffn_norm."),
                    ("post_feedforward_layernorm.", "post_ffw_norm."),
                ],
                false => &[("post_attention_layernorm.", "ffn_norm.")],
            };
            let part = replaced(rest, &DECODER).or_else(|| replaced(rest, norms));
            part.map(|part| format!("blk.{layer}.{part}"))
        } else if let Some(rest) = canonical.strip_prefix("vision_tower.encoder.layers.") {
            let (layer, rest) = rest.split_once('.').unwrap();
            replaced(rest, &LAYER).map(|part| format!("v.blk.{layer}.{part}"))
        } else if let Some(rest) = canonical.strip_prefix("vision_tower.") {
            replaced(rest, &TOWER)
        } else if let Some(rest) = canonical.strip_prefix("multi_modal_projector.") {
            let table: &[(&str, &str)] = match self.projector {
                "mlp" => &[("linear_1.", "mm.0."), ("linear_2.", "mm.2.")],
                "gemma3" => &[
                    ("mm_input_projection_weight", "mm.input_projection.weight"),
                    ("mm_soft_emb_norm.", "mm.soft_emb_norm."),
                ],
                "idefics3" => &[("linear_1.", "mm.model.fc.")],
                "internvl" => &[
                    ("layer_norm.", "mm.model.mlp.0."),
                    ("linear_1.", "mm.model.mlp.1."),
                    ("linear_2.", "mm.model.mlp.3."),
                ],
                _ => &[
                    ("norm.", "v.post_ln."),
                    ("linear_1.", "mm.0."),
                    ("linear_2.", "mm.2."),
                ],
            };
            replaced(rest, table)
        } else {
            let table = [
                ("language_model.embed_tokens.", "token_embd."),
                ("language_model.norm.", "output_norm."),
                ("lm_head.", "output."),
            ];
            replaced(canonical, &table)
        };
        let name = found.unwrap_or_else(|| panic!("{canonical} has no place"));
        let is_vision = name.starts_with("v.") || name.starts_with("mm.");
        (name, is_vision)
    }

    /// The tensors that the converters make of one.
    fn changed(self, name: &str, read: HostTensor, head_dim: usize) -> Vec<(String, Moved)> {
        let HostTensor {
            dtype,
            shape,
            bytes,
            ..
        } = read;
        let part = |shape: Vec<usize>, bytes: Vec<u8>| Moved {
            shape,
            dtype,
            bytes,
        };
        let of_decoder = name.starts_with("blk.");
        let rows = shape[0];
        let row = bytes.len() / rows;
        let is_pairs = name.contains(".attn_q.") || name.contains(".attn_k.");
        if self.architecture == "llama" && of_decoder && is_pairs {
            let half = head_dim / 2;
            let place = |at: usize| at / head_dim * head_dim + at % 2 * half + at % head_dim / 2;
            let rows = (0..rows).map(|at| &bytes[place(at) * row..(place(at) + 1) * row]);
            let bytes = rows.collect::<Vec<_>>().concat();
            return vec![(name.into(), part(shape, bytes))];
        }
        if name.contains(".attn_qkv.") {
            let third = rows / 3;
            let parts = ["attn_q", "attn_k", "attn_v"].into_iter().enumerate();
            let parts = parts.map(|(i, own)| {
                let shape = [&[third], &shape[1..]].concat();
                let bytes = bytes[i * third * row..(i + 1) * third * row].to_vec();
                (name.replace("attn_qkv", own), part(shape, bytes))
            });
            return parts.collect();
        }
        if name == "v.patch_embd.weight" && shape.len() == 5 {
            assert_eq!(shape[2], 2);
            let plane = bytes.len() / (shape[0] * shape[1] * 2);
            let halves = [0, 1].map(|frame| {
                let planes = bytes.chunks(plane).skip(frame).step_by(2);
                let shape = [&shape[..2], &shape[3..]].concat();
                part(shape, planes.collect::<Vec<_>>().concat())
            });
            let names = [name.to_owned(), format!("{name}.1")];
            return names.into_iter().zip(halves).collect();
        }
        vec![(name.into(), part(shape, bytes))]
    }
}

impl Moved {
    fn values(&self) -> Vec<f32> {
        let read = HostTensor {
            name: String::new(),
            dtype: self.dtype,
            shape: self.shape.clone(),
            bytes: self.bytes.clone(),
        };
        read.to_f32()
    }

    fn written(self, name: String, stored: Stored, change: impl Fn(f32) -> f32) -> Tensor {
        let vector = self.shape.iter().filter(|size| **size > 1).count() < 2;
        let wide = ["v.patch_embd.", "v.position_embd."];
        let wide = wide.iter().any(|part| name.starts_with(part));
        let (code, data) = match (stored, self.dtype) {
            (Stored::Own, StorageType::F16) if !vector && !wide => (1, self.bytes),
            (Stored::Own, StorageType::BF16) if !vector && !wide => (30, self.bytes),
            _ => {
                let values = self.values().into_iter().map(change);
                (0, values.flat_map(f32::to_le_bytes).collect())
            }
        };
        Tensor {
            name,
            sizes: self.shape.iter().rev().map(|size| *size as u64).collect(),
            code,
            data,
            offset: None,
        }
    }
}

/// The image processor's settings in a checkpoint's folder.
pub fn settings(folder: &Path) -> Json {
    let read = |file: &str| -> Option<Json> {
        serde_json::from_slice(&std::fs::read(folder.join(file)).ok()?).ok()
    };
    let nested =
        read("processor_config.json").and_then(|file| file.get("image_processor").cloned());
    let own = || read("preprocessor_config.json");
    let of_tower = || read("tower/preprocessor_config.json");
    nested.or_else(own).or_else(of_tower).unwrap()
}

/// Both files of the checkpoint in a folder.
pub fn convert(kind: Kind, folder: &Path, checkpoint: &Checkpoint, stored: Stored) -> [File; 2] {
    let (text, vision) = (
        &checkpoint.spec.text,
        checkpoint.spec.vision.as_ref().unwrap(),
    );
    let empty = || File {
        version: 3,
        metadata: Vec::new(),
        tensors: Vec::new(),
    };
    let [mut model, mut part] = [empty(), empty()];
    // Gemma's scale of scores, for which there is no key, goes into the norms of queries.
    let scale = text.attention_scale * (text.head_dim as f32).sqrt();
    for (used, info) in checkpoint.used() {
        let (name, is_vision) = kind.name(&used.name);
        let plus_1 = kind.is_gemma() && name.ends_with("norm.weight");
        let queries = plus_1 && name.ends_with("attn_q_norm.weight");
        for (name, moved) in kind.changed(&name, info.read().unwrap(), text.head_dim) {
            let file = if is_vision { &mut part } else { &mut model };
            file.tensors.push(
                moved.written(name, stored, |value| match (plus_1, queries) {
                    (_, true) => (value + 1.0) * scale,
                    (true, _) => value + 1.0,
                    _ => value,
                }),
            );
        }
    }
    let of = |key: &str| format!("{}.{key}", kind.architecture);
    model.set("general.architecture", Value::text(kind.architecture));
    for (key, size) in [
        ("context_length", text.max_position_embeddings),
        ("embedding_length", text.hidden_size),
        ("block_count", text.num_hidden_layers),
        ("feed_forward_length", text.intermediate_size),
        ("attention.head_count", text.num_attention_heads),
        ("attention.head_count_kv", text.num_key_value_heads),
        ("attention.key_length", text.head_dim),
        ("attention.value_length", text.head_dim),
    ] {
        model.set(&of(key), Value::u32(size as u32));
    }
    let eps = "attention.layer_norm_rms_epsilon";
    model.set(&of(eps), Value::f32(text.rms_norm_eps));
    model.set(&of("rope.freq_base"), Value::f32(text.rope_theta));
    if let RopeScaling::Linear { factor } = text.rope_scaling {
        model.set(&of("rope.scaling.type"), Value::text("linear"));
        model.set(&of("rope.scaling.factor"), Value::f32(factor));
    }
    if let Some(sections) = text.rope_sections {
        let four = [&sections.sizes[..], &[0]].concat();
        let bytes = four.iter().flat_map(|size| (*size as u32).to_le_bytes());
        let list = Value::list(5, 4, bytes.collect());
        model.set(&of("rope.dimension_sections"), list);
    }
    if let Some(window) = text.sliding_window {
        model.set(&of("attention.sliding_window"), Value::u32(window as u32));
        let local = text.rope_local_theta.unwrap();
        model.set(&of("rope.freq_base_swa"), Value::f32(local));
        let pattern = text.windowed.iter().position(|windowed| !windowed);
        let pattern = Value::u32(pattern.unwrap() as u32 + 1);
        model.set(&of("attention.sliding_window_pattern"), pattern);
    }
    tokens::write(&mut model, folder, text.vocab_size);
    describe(kind, &mut part, checkpoint, &settings(folder));
    if kind.projector == "mlp" {
        as_far_as_features(
            &mut part,
            vision.feature_layers[0],
            vision.tower.num_hidden_layers,
        );
    }
    [model, part]
}

/// The metadata of a vision part.
fn describe(kind: Kind, part: &mut File, checkpoint: &Checkpoint, settings: &Json) {
    let (text, vision) = (
        &checkpoint.spec.text,
        checkpoint.spec.vision.as_ref().unwrap(),
    );
    let tower = &vision.tower;
    part.set("general.architecture", Value::text("clip"));
    part.set("clip.has_vision_encoder", Value::raw(7, vec![1]));
    part.set("clip.projector_type", Value::text(kind.projector));
    // For towers of any size the converter takes a side that means nothing, and another inner width.
    let inner = match tower.kind {
        TowerKind::Qwen2Vl => text.hidden_size,
        _ => tower.intermediate_size,
    };
    let side = if kind.is_qwen() {
        560
    } else {
        tower.image_size
    };
    let mut set = |key: &str, size: usize| {
        part.set(&format!("clip.vision.{key}"), Value::u32(size as u32));
    };
    set("embedding_length", tower.hidden_size);
    set("feed_forward_length", inner);
    set("block_count", tower.num_hidden_layers);
    set("attention.head_count", tower.num_attention_heads);
    set("image_size", side);
    set("patch_size", tower.patch_size);
    set("projection_dim", text.hidden_size);
    let setting = |key: &str| {
        let found = settings.pointer(key).and_then(Json::as_u64);
        found.unwrap_or_else(|| panic!("{key}")) as usize
    };
    match kind.projector {
        "idefics3" => set("preproc_image_size", setting("/size/longest_edge")),
        "internvl" => {
            set("preproc_min_tiles", setting("/min_patches"));
            set("preproc_max_tiles", setting("/max_patches"));
        }
        _ if kind.is_qwen() => {
            let [own, edges] = [["min", "max"], ["shortest", "longest"]];
            for (own, edge) in own.iter().zip(edges) {
                let key = format!("/{own}_pixels");
                let found = settings.pointer(&key).is_some();
                let key = if found {
                    key
                } else {
                    format!("/size/{edge}_edge")
                };
                set(&format!("image_{own}_pixels"), setting(&key));
            }
        }
        _ => {}
    }
    let patches = tower.patches_per_side();
    match kind.projector {
        "gemma3" => set(
            "projector.scale_factor",
            patches / vision.num_image_tokens().isqrt(),
        ),
        "idefics3" | "internvl" => set(
            "projector.scale_factor",
            patches / vision.num_image_tokens().isqrt(),
        ),
        _ => {}
    }
    if let Some(window) = tower.window {
        let first = tower.windowed.iter().position(|windowed| !windowed);
        set("n_wa_pattern", first.unwrap() + 1);
        let block = tower.blocks.unwrap() * tower.patch_size;
        set("window_size", window * block);
    }
    let eps = "clip.vision.attention.layer_norm_epsilon";
    part.set(eps, Value::f32(tower.layer_norm_eps));
    match tower.activation {
        Activation::Gelu | Activation::GeluTanh => {
            part.set("clip.use_gelu", Value::raw(7, vec![1]));
        }
        Activation::Silu => {
            part.set("clip.use_silu", Value::raw(7, vec![1]));
        }
        _ => {}
    }
    for key in ["image_mean", "image_std"] {
        let three = settings[key].as_array().unwrap().iter();
        let three = three.flat_map(|value| (value.as_f64().unwrap() as f32).to_le_bytes());
        let list = Value::list(6, 3, three.collect());
        part.set(&format!("clip.vision.{key}"), list);
    }
}

/// The layers of the tower as far as the features go, as LLaVA's own converter writes them; there, too, the
/// layers of the MLPs have each other's names.
fn as_far_as_features(part: &mut File, feature: i64, layers: usize) {
    let kept = match feature {
        beyond if beyond < 0 => (layers as i64 + 1 + beyond) as usize,
        state => state as usize,
    };
    let number = |name: &str| -> Option<usize> {
        let rest = name.strip_prefix("v.blk.")?;
        rest.split_once('.')?.0.parse().ok()
    };
    part.tensors.retain(|tensor| {
        number(&tensor.name).is_none_or(|layer| layer < kept)
            && !tensor.name.starts_with("v.post_ln.")
    });
    for tensor in &mut part.tensors {
        let name = &tensor.name;
        tensor.name = match name.contains("ffn_up") {
            true => name.replace("ffn_up", "ffn_down"),
            false => name.replace("ffn_down", "ffn_up"),
        };
    }
    part.set("clip.vision.block_count", Value::u32(kept as u32));
}
