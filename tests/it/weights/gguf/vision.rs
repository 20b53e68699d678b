//! A decoder and its vision part in two files: golden checkpoints, whose states are compared with
//! transformers elsewhere, written as llama.cpp's converters write them and opened again.

use std::sync::Arc;

use mirscope::{
    input::ImageProcessor,
    model::Checkpoint,
    weights::{MemorySource, WeightsError, gguf::GgufSource},
};

use super::{
    convert::{Kind, Stored, convert},
    write::{File, Value},
};
use crate::golden::GoldenCase;

pub fn opened([model, part]: [File; 2]) -> Result<Checkpoint, WeightsError> {
    let source = MemorySource::new("m")
        .with("a.gguf", model.bytes())
        .with("mmproj-a.gguf", part.bytes());
    Checkpoint::open(Arc::new(source))
}

/// Every tensor that the second one uses is the first one's, but for `rounded`.
pub fn compare(first: &Checkpoint, second: &Checkpoint, rounded: f32) {
    let mut compared = 0;
    for (used, info) in second.used() {
        let found = info.read().unwrap().to_f32();
        let expected = expected(first, &used.name, &used.shape);
        let pairs = expected.iter().zip(&found);
        let worst = pairs.map(|(e, f)| (e - f).abs()).fold(0.0, f32::max);
        assert!(
            expected.len() == found.len() && worst <= rounded,
            "{}: {worst}",
            used.name
        );
        compared += 1;
    }
    assert!(compared > 30, "{compared}");
    assert_eq!(second.unused().count(), 0);
}

/// A tensor of a checkpoint, or the part of a fused one.
fn expected(checkpoint: &Checkpoint, name: &str, shape: &[usize]) -> Vec<f32> {
    if checkpoint.has(name) {
        return checkpoint.tensor(name, shape).unwrap().to_f32();
    }
    let parts = ["q_proj", "k_proj", "v_proj"].into_iter().enumerate();
    let mut parts = parts.filter(|(_, part)| name.contains(part));
    let (at, part) = parts.next().unwrap();
    let fused = checkpoint.info(&name.replace(part, "qkv")).unwrap();
    let rows = at * shape[0]..(at + 1) * shape[0];
    fused.read_rows(rows).unwrap().to_f32()
}
const LLAVA: Kind = Kind {
    projector: "mlp",
    architecture: "llama",
};

/// The files of a small LLaVA.
pub fn llava() -> [File; 2] {
    converted(LLAVA, "clip_hub_layout_bf16").1
}

/// A golden checkpoint as two files.
fn converted(kind: Kind, case: &str) -> (Checkpoint, [File; 2]) {
    let case = GoldenCase::at(case);
    let checkpoint = case.checkpoint();
    let files = convert(kind, &case.folder, &checkpoint, Stored::Own);
    (checkpoint, files)
}

#[test]
fn llava_in_two_files() {
    let (first, files) = converted(LLAVA, "clip_hub_layout_bf16");
    let second = opened(files).unwrap();
    compare(&first, &second, 0.0);
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
    let kind = Kind {
        projector: "gemma3",
        architecture: "gemma3",
    };
    let (first, files) = converted(kind, "families/gemma3/text_bf16");
    let second = opened(files).unwrap();
    assert_eq!(second.spec.architecture, "Gemma3ForConditionalGeneration");
    let vision = |of: &Checkpoint| of.spec.vision.clone().unwrap();
    let (one, other) = (vision(&first), vision(&second));
    assert_eq!(other.connector, one.connector);
    assert_eq!(other.tower, one.tower);
    assert_eq!(other.image_token_id, one.image_token_id);
}

/// A kind, a case of it, and what it is refused with after a change of its two files.
type Refused = (
    &'static str,
    &'static str,
    &'static str,
    fn(&mut File, &mut File),
    &'static [&'static str],
);

const REFUSED: [Refused; 16] = [
    (
        "mlp",
        "llama",
        "clip_hub_layout_bf16",
        |_, part| {
            part.set("clip.projector_type", Value::text("ldpv2"));
        },
        &[
            "mmproj-a.gguf",
            "clip.projector_type",
            "ldpv2",
            "mlp (LLaVA 1.5), gemma3, idefics3",
        ],
    ),
    (
        "mlp",
        "llama",
        "clip_hub_layout_bf16",
        |model, _| model.rename_architecture("llama", "qwen2"),
        &[
            "mmproj-a.gguf",
            "general.architecture",
            "qwen2",
            "llama with mlp",
        ],
    ),
    (
        "mlp",
        "llama",
        "clip_hub_layout_bf16",
        |_, part| part.tensor("mm.2.weight").sizes = vec![24, 9],
        &[
            "a.gguf (llama.embedding_length = 24)",
            "mmproj-a.gguf for 9 (mm.2.weight)",
        ],
    ),
    (
        "idefics3",
        "llama",
        "families/idefics3/split_bf16",
        |_, part| part.tensor("mm.model.fc.weight").sizes[1] = 19,
        &[
            "(llama.embedding_length = 20)",
            "mmproj-a.gguf for 19 (mm.model.fc.weight)",
        ],
    ),
    (
        "idefics3",
        "llama",
        "families/idefics3/split_bf16",
        |_, part| {
            part.set("clip.vision.projector.scale_factor", Value::u32(4));
        },
        &[
            "mmproj-a.gguf",
            "modality_projection",
            "[20, 192]",
            "[20, 48]",
        ],
    ),
    (
        "idefics3",
        "llama",
        "families/idefics3/split_bf16",
        |_, part| {
            part.without("clip.vision.projector.scale_factor");
        },
        &[
            "clip.vision.projector.scale_factor",
            "a size from 1 on",
            "absent",
        ],
    ),
    (
        "idefics3",
        "llama",
        "families/idefics3/split_bf16",
        |model, _| model.rename_token("<fake_token_around_image>", "<else>"),
        &[
            "a.gguf",
            "tokenizer.ggml.tokens",
            "<fake_token_around_image>",
            "mmproj-a.gguf sees",
        ],
    ),
    (
        "idefics3",
        "llama",
        "families/idefics3/split_bf16",
        |_, part| {
            part.set("clip.vision.embedding_length", Value::u32(24));
        },
        &["24", "12"],
    ),
    (
        "internvl",
        "qwen2",
        "families/internvl/hub_bf16",
        |model, _| model.rename_token("<IMG_CONTEXT>", "<else>"),
        &["tokenizer.ggml.tokens", "a vocabulary with <IMG_CONTEXT>"],
    ),
    (
        "internvl",
        "qwen2",
        "families/internvl/hub_bf16",
        |_, part| part.without_tensor("v.blk.1.ls1.weight"),
        &["encoder.layers.1.layer_scale1"],
    ),
    (
        "internvl",
        "qwen2",
        "families/internvl/hub_bf16",
        |model, _| model.rename_architecture("qwen2", "gemma3"),
        &["gemma3", "llama, qwen2, qwen3 with internvl"],
    ),
    (
        "qwen2vl_merger",
        "qwen2vl",
        "families/qwen2_vl/hub_bf16",
        |_, part| part.without_tensor("v.patch_embd.weight.1"),
        &[
            "mmproj-a.gguf",
            "patch_embed",
            "[16, 3, 2, 3, 3]",
            "[16, 3, 3, 3]",
        ],
    ),
    (
        "qwen2vl_merger",
        "qwen2vl",
        "families/qwen2_vl/hub_bf16",
        |_, part| part.tensor("v.patch_embd.weight.1").sizes = vec![3, 3, 3, 8],
        &[
            "v.patch_embd.weight.1",
            "as v.patch_embd.weight",
            "[8, 3, 3, 3]",
        ],
    ),
    (
        "qwen2vl_merger",
        "qwen2vl",
        "families/qwen2_vl/hub_bf16",
        |model, _| {
            let sections = [1_u32, 2, 3, 0].iter().flat_map(|n| n.to_le_bytes());
            model.set(
                "qwen2vl.rope.dimension_sections",
                Value::list(5, 4, sections.collect()),
            );
        },
        &[
            "qwen2vl.rope.dimension_sections",
            "5 in all",
            "4 whole numbers",
        ],
    ),
    (
        "qwen2.5vl_merger",
        "qwen2vl",
        "families/qwen2_5_vl/windows_bf16",
        |_, part| {
            part.without("clip.vision.n_wa_pattern");
        },
        &["clip.vision.n_wa_pattern", "absent"],
    ),
    (
        "qwen2.5vl_merger",
        "qwen2vl",
        "families/qwen2_5_vl/windows_bf16",
        |_, part| {
            part.set("clip.projector_type", Value::text("qwen3vl_merger"));
        },
        &["qwen3vl_merger", "qwen2vl_merger, qwen2.5vl_merger"],
    ),
];

#[test]
fn what_does_not_fit_is_named() {
    for (projector, architecture, case, change, parts) in REFUSED {
        let kind = Kind {
            projector,
            architecture,
        };
        let (_, [mut model, mut part]) = converted(kind, case);
        change(&mut model, &mut part);
        let error = opened([model, part]).map(|_| ()).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{projector}, {part}: {error}");
        }
    }
}

#[test]
fn vision_parts_of_other_models_are_told_apart() {
    let (_, [model, mut part]) = converted(LLAVA, "clip_hub_layout_bf16");
    let source = MemorySource::new("m")
        .with("a.gguf", model.bytes())
        .with("mmproj-a.gguf", part.bytes())
        .with("mmproj-b.gguf", part.bytes());
    let error = Checkpoint::open(Arc::new(source)).unwrap_err().to_string();
    assert!(error.contains("mmproj-a.gguf and mmproj-b.gguf"), "{error}");
    // Beside several models, one that was made for another of them.
    part.tensor("mm.2.weight").sizes = vec![24, 9];
    let source = MemorySource::new("m")
        .with("a.gguf", model.bytes())
        .with("b.gguf", model.bytes())
        .with("mmproj-b.gguf", part.bytes());
    let source = GgufSource::open(Arc::new(source), "a.gguf").unwrap();
    let alone = Checkpoint::open(Arc::new(source)).unwrap();
    assert!(alone.spec.vision.is_none());
    // Qwen's decoder alone has no use for the components of positions.
    let kind = Kind {
        projector: "qwen2vl_merger",
        architecture: "qwen2vl",
    };
    let (_, [model, _]) = converted(kind, "families/qwen2_vl/hub_bf16");
    let source = MemorySource::new("m").with("a.gguf", model.bytes());
    let alone = Checkpoint::open(Arc::new(source)).unwrap();
    assert_eq!(alone.spec.architecture, "Qwen2ForCausalLM");
}
