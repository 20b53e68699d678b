//! A decoder and its vision part in two files: golden checkpoints, whose states are compared with
//! transformers elsewhere, written as llama.cpp's converters write them and opened again.

use std::sync::Arc;

use mirscope::{
    input::ImageProcessor,
    model::Checkpoint,
    weights::{FolderSource, HostTensor, MemorySource, WeightsError},
};

use super::write::{File, Tensor, Value};
use crate::golden;

/// The names of a tower's layer, and the other way round for the MLP of old files.
const LAYER: [(&str, &str); 6] = [
    ("layer_norm1", "ln1"),
    ("layer_norm2", "ln2"),
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.out_proj", "attn_out"),
];

const DECODER: [(&str, &str); 11] = [
    ("self_attn.q_proj", "attn_q"),
    ("self_attn.k_proj", "attn_k"),
    ("self_attn.v_proj", "attn_v"),
    ("self_attn.o_proj", "attn_output"),
    ("self_attn.q_norm", "attn_q_norm"),
    ("self_attn.k_norm", "attn_k_norm"),
    ("mlp.gate_proj", "ffn_gate"),
    ("mlp.up_proj", "ffn_up"),
    ("mlp.down_proj", "ffn_down"),
    ("input_layernorm", "attn_norm"),
    ("post_feedforward_layernorm", "post_ffw_norm"),
];

/// How a case is written.
struct Form {
    architecture: &'static str,
    projector: &'static str,
    /// Rotary pairs beside each other.
    pairs: bool,
    /// Norms with the 1 that they are multiplied by, and norms behind attention and MLP.
    gemma: bool,
    /// The MLP's layers under each other's names.
    exchanged: bool,
}

fn tensor(name: String, read: &HostTensor, values: &[f32]) -> Tensor {
    Tensor {
        name,
        sizes: read.shape.iter().rev().map(|size| *size as u64).collect(),
        code: 0,
        data: values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect(),
        offset: None,
    }
}

/// `LAYER.PART.KIND` under another name.
fn renamed(rest: &str, names: &[(&str, &str)]) -> Option<String> {
    let (layer, rest) = rest.split_once('.')?;
    let (part, kind) = rest.rsplit_once('.')?;
    let (_, theirs) = names.iter().find(|(own, _)| *own == part)?;
    Some(format!("blk.{layer}.{theirs}.{kind}"))
}

impl Form {
    /// The name in a file, and whether that is the vision part's.
    fn name(&self, canonical: &str) -> Option<(String, bool)> {
        if let Some(rest) = canonical.strip_prefix("language_model.layers.") {
            let norms = match self.gemma {
                true => [
                    ("post_attention_layernorm", "post_attention_norm"),
                    ("pre_feedforward_layernorm", "ffn_norm"),
                ],
                false => [("post_attention_layernorm", "ffn_norm"); 2],
            };
            return Some((renamed(rest, &[&DECODER[..], &norms].concat())?, false));
        }
        if let Some(rest) = canonical.strip_prefix("vision_tower.encoder.layers.") {
            let mlp = match self.exchanged {
                true => [("mlp.fc1", "ffn_down"), ("mlp.fc2", "ffn_up")],
                false => [("mlp.fc1", "ffn_up"), ("mlp.fc2", "ffn_down")],
            };
            let name = renamed(rest, &[&LAYER[..], &mlp].concat())?;
            return Some((format!("v.{name}"), true));
        }
        let whole = [
            ("language_model.embed_tokens.weight", "token_embd.weight"),
            ("language_model.norm.weight", "output_norm.weight"),
            ("lm_head.weight", "output.weight"),
            ("vision_tower.embeddings.patch_embedding.", "v.patch_embd."),
            (
                "vision_tower.embeddings.position_embedding.",
                "v.position_embd.",
            ),
            ("vision_tower.embeddings.class_embedding", "v.class_embd"),
            ("vision_tower.pre_layrnorm.", "v.pre_ln."),
            ("vision_tower.post_layernorm.", "v.post_ln."),
            ("multi_modal_projector.linear_1.", "mm.0."),
            ("multi_modal_projector.linear_2.", "mm.2."),
            (
                "multi_modal_projector.mm_input_projection_weight",
                "mm.input_projection.weight",
            ),
            (
                "multi_modal_projector.mm_soft_emb_norm.",
                "mm.soft_emb_norm.",
            ),
        ];
        whole.iter().find_map(|(own, theirs)| {
            let rest = canonical.strip_prefix(own)?;
            let is_vision = theirs.starts_with("v.") || theirs.starts_with("mm.");
            Some((format!("{theirs}{rest}"), is_vision))
        })
    }

    /// The values as a converter writes them.
    fn values(&self, name: &str, read: &HostTensor, head_dim: usize) -> Vec<f32> {
        let mut values = read.to_f32();
        let rows = read.shape[0];
        let is_pairs = name.contains("attn_q.") || name.contains("attn_k.");
        if self.pairs && is_pairs && name.starts_with("blk.") {
            let row = values.len() / rows;
            let half = head_dim / 2;
            let place = |at: usize| at / head_dim * head_dim + at % 2 * half + at % head_dim / 2;
            let rows = (0..rows).flat_map(|at| &values[place(at) * row..(place(at) + 1) * row]);
            values = rows.copied().collect();
        }
        let of_decoder = !name.starts_with("v.") && name.ends_with("norm.weight");
        if self.gemma && of_decoder {
            values.iter_mut().for_each(|value| *value += 1.0);
        }
        values
    }

    /// Both files of a checkpoint.
    fn files(&self, checkpoint: &Checkpoint, image: &str) -> [File; 2] {
        let (spec, vision) = (
            &checkpoint.spec.text,
            checkpoint.spec.vision.as_ref().unwrap(),
        );
        let empty = || File {
            version: 3,
            metadata: Vec::new(),
            tensors: Vec::new(),
        };
        let [mut model, mut part] = [empty(), empty()];
        for (name, info) in checkpoint.iter() {
            let read = info.read().unwrap();
            let Some((name, is_vision)) = self.name(name) else {
                continue;
            };
            let values = self.values(&name, &read, spec.head_dim);
            let file = if is_vision { &mut part } else { &mut model };
            file.tensors.push(tensor(name, &read, &values));
        }
        model.set("general.architecture", Value::text(self.architecture));
        for (key, size) in [
            ("context_length", spec.max_position_embeddings),
            ("embedding_length", spec.hidden_size),
            ("block_count", spec.num_hidden_layers),
            ("feed_forward_length", spec.intermediate_size),
            ("attention.head_count", spec.num_attention_heads),
            ("attention.head_count_kv", spec.num_key_value_heads),
            ("attention.key_length", spec.head_dim),
        ] {
            model.set(
                &format!("{}.{key}", self.architecture),
                Value::u32(size as u32),
            );
        }
        let key = format!("{}.attention.layer_norm_rms_epsilon", self.architecture);
        model.set(&key, Value::f32(spec.rms_norm_eps));
        let tokens: Vec<String> = (0..spec.vocab_size).map(|id| format!("t{id}")).collect();
        let mut tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
        tokens[vision.image_token_id as usize] = image;
        model.set("tokenizer.ggml.model", Value::text("gpt2"));
        model.set("tokenizer.ggml.tokens", Value::texts(&tokens));
        model.set("tokenizer.ggml.merges", Value::texts(&[]));
        part.set("general.architecture", Value::text("clip"));
        part.set("clip.projector_type", Value::text(self.projector));
        let tower = &vision.tower;
        for (key, size) in [
            ("embedding_length", tower.hidden_size),
            ("feed_forward_length", tower.intermediate_size),
            ("block_count", tower.num_hidden_layers),
            ("attention.head_count", tower.num_attention_heads),
            ("image_size", tower.image_size),
            ("patch_size", tower.patch_size),
            ("projection_dim", spec.hidden_size),
        ] {
            part.set(&format!("clip.vision.{key}"), Value::u32(size as u32));
        }
        part.set(
            "clip.vision.attention.layer_norm_epsilon",
            Value::f32(tower.layer_norm_eps),
        );
        for key in ["image_mean", "image_std"] {
            let three = [0.5_f32; 3]
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            part.set(&format!("clip.vision.{key}"), Value::list(6, 3, three));
        }
        [model, part]
    }
}

fn original(folder: &str) -> Checkpoint {
    let folder = golden::root().join(folder);
    Checkpoint::open(Arc::new(FolderSource::open(folder).unwrap())).unwrap()
}

fn opened([model, part]: [File; 2]) -> Result<Checkpoint, WeightsError> {
    let source = MemorySource::new("m")
        .with("a.gguf", model.bytes())
        .with("mmproj-a.gguf", part.bytes());
    Checkpoint::open(Arc::new(source))
}

/// Every tensor that the second one uses is the first one's.
fn compare(first: &Checkpoint, second: &Checkpoint) {
    let mut compared = 0;
    for (used, info) in second.used() {
        let expected = first.tensor(&used.name, &used.shape).unwrap().to_f32();
        let found = info.read().unwrap().to_f32();
        let worst = expected
            .iter()
            .zip(&found)
            .map(|(e, f)| (e - f).abs())
            .fold(0.0, f32::max);
        // Adding 1 rounds.
        assert!(
            expected.len() == found.len() && worst < 3e-7,
            "{}: {worst}",
            used.name
        );
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
    assert_eq!(second.unused().count(), 0);
}

const LLAVA: Form = Form {
    architecture: "llama",
    projector: "mlp",
    pairs: true,
    gemma: false,
    exchanged: true,
};

/// The layers of the tower as far as the features go.
fn llava(checkpoint: &Checkpoint) -> [File; 2] {
    let mut files = LLAVA.files(checkpoint, "<image>");
    let last = checkpoint
        .spec
        .vision
        .as_ref()
        .unwrap()
        .tower
        .num_hidden_layers
        - 1;
    let [_, part] = &mut files;
    part.tensors
        .retain(|tensor| !tensor.name.starts_with(&format!("v.blk.{last}.")));
    part.tensors
        .retain(|tensor| !tensor.name.starts_with("v.post_ln."));
    part.set("clip.vision.block_count", Value::u32(last as u32));
    files
}

#[test]
fn llava_in_two_files() {
    let first = original("clip_hub_layout_bf16");
    let second = opened(llava(&first)).unwrap();
    compare(&first, &second);
    let vision = |of: &Checkpoint| of.spec.vision.clone().unwrap();
    let (one, other) = (vision(&first), vision(&second));
    assert_eq!(one.feature_layers, [-2]);
    assert_eq!(other.feature_layers, [-1]);
    assert_eq!(
        other.tower.num_hidden_layers,
        one.tower.num_hidden_layers - 1
    );
    assert_eq!(other.tower.activation, one.tower.activation);
    assert_eq!(
        (other.feature_select, other.connector.kind),
        (one.feature_select, one.connector.kind)
    );
    assert_eq!(other.num_image_tokens(), one.num_image_tokens());
    assert!(other.pad_to_square);
    let processor = ImageProcessor::open(&**second.source(), &second.spec).unwrap();
    assert_eq!(
        processor.plan("x", 40, 80).unwrap().tokens(),
        one.num_image_tokens()
    );
}

#[test]
fn gemma_3_in_two_files() {
    let form = Form {
        architecture: "gemma3",
        projector: "gemma3",
        pairs: false,
        gemma: true,
        exchanged: false,
    };
    let first = original("families/gemma3/text_bf16");
    let mut files = form.files(&first, "<image_soft_token>");
    let one = first.spec.vision.clone().unwrap();
    let side = one.num_image_tokens().isqrt();
    let factor = one.tower.patches_per_side() / side;
    files[1].set(
        "clip.vision.projector.scale_factor",
        Value::u32(factor as u32),
    );
    let second = opened(files).unwrap();
    assert_eq!(second.spec.architecture, "Gemma3ForConditionalGeneration");
    compare(&first, &second);
    let other = second.spec.vision.clone().unwrap();
    assert_eq!(other.connector, one.connector);
    assert_eq!(other.tower, one.tower);
    assert_eq!(other.image_token_id, one.image_token_id);
}

#[test]
fn vision_parts_that_do_not_fit_are_told_apart() {
    let first = original("clip_hub_layout_bf16");
    // Of another model: the decoder is alone.
    let [model, mut part] = llava(&first);
    part.tensors
        .retain(|tensor| !tensor.name.starts_with("mm."));
    part.set("clip.vision.projection_dim", Value::u32(9));
    let alone = opened([model, part]).unwrap();
    assert!(alone.spec.vision.is_none());
    for (projector, named) in [("qwen2.5vl_merger", "qwen2.5vl_merger"), ("ldpv2", "ldpv2")] {
        let [model, mut part] = llava(&first);
        part.set("clip.projector_type", Value::text(projector));
        let error = opened([model, part]).unwrap_err().to_string();
        assert!(
            error.contains(named) && error.contains("mlp (LLaVA 1.5), gemma3"),
            "{error}"
        );
    }
    let [model, part] = llava(&first);
    let source = MemorySource::new("m")
        .with("a.gguf", model.bytes())
        .with("mmproj-a.gguf", part.bytes())
        .with("mmproj-b.gguf", part.bytes());
    let error = Checkpoint::open(Arc::new(source)).unwrap_err().to_string();
    assert!(error.contains("mmproj-a.gguf and mmproj-b.gguf"), "{error}");
}
