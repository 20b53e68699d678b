//! A checkpoint in words and numbers.

use std::collections::BTreeMap;

use crate::{
    families::{
        ConnectorKind, ConnectorSpec, DecoderSpec, FeatureSelect, ImagePlan, ModelSpec,
        PositionTable, VisionSpec,
    },
    model::{Checkpoint, Parameter, Part},
    report::{DtypeShare, ModelSummary, StageView},
    words::counted,
};

/// What a report says about a checkpoint called `name`.
pub(super) fn summary(checkpoint: &Checkpoint, name: &str) -> ModelSummary {
    let spec = &checkpoint.spec;
    let shares = dtypes(checkpoint);
    ModelSummary {
        name: name.to_owned(),
        architecture: spec.architecture.clone(),
        parts: parts(spec),
        parameters: shares.iter().map(|share| share.parameters).sum(),
        dtype: shares
            .iter()
            .max_by_key(|share| share.parameters)
            .map(|share| share.dtype.clone())
            .unwrap_or_default(),
        hidden_size: spec.text.hidden_size,
        num_hidden_layers: spec.text.num_hidden_layers,
    }
}

/// Tensors, parameters and bytes of what the model uses, by storage type.
pub(super) fn dtypes(checkpoint: &Checkpoint) -> Vec<DtypeShare> {
    let mut shares: BTreeMap<&str, DtypeShare> = BTreeMap::new();
    for (_, info) in checkpoint.used() {
        let Some(storage) = info.storage() else {
            continue;
        };
        let share = shares.entry(storage.name()).or_default();
        share.dtype = storage.name().to_owned();
        share.tensors += 1;
        share.parameters += info.elements();
        share.bytes += info.bytes();
    }
    shares.into_values().collect()
}

/// Tower, connector and decoder, in one line each.
fn parts(spec: &ModelSpec) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(vision) = &spec.vision {
        parts.push(format!("{TOWER}: {}", tower(vision)));
        parts.push(format!("{CONNECTOR}: {}", connector(&vision.connector)));
    }
    parts.push(format!("{DECODER}: {}", decoder(&spec.text)));
    parts
}

/// The way of a pair whose images become `plans` and whose prompt has `tokens` tokens: what each stage
/// gives, and what it is.
pub(super) fn stages(spec: &ModelSpec, plans: &[ImagePlan], tokens: usize) -> Vec<StageView> {
    let Some(vision) = &spec.vision else {
        return Vec::new();
    };
    let stage = |name: &str, shape: &[(&str, usize)], about: String| StageView {
        name: name.to_owned(),
        shape: (shape.iter())
            .map(|(axis, size)| ((*axis).to_owned(), *size))
            .collect(),
        about,
    };
    let seen = &vision.tower;
    let (side, patches) = (seen.picture_size, seen.patches_per_side());
    let class_token = match (seen.class_token, vision.feature_select) {
        (false, _) => "",
        (true, FeatureSelect::Default) => "; the class token is dropped",
        (true, FeatureSelect::Full) => "; the class token is kept, before the patches",
    };
    let image_tokens: usize = plans.iter().map(ImagePlan::tokens).sum();
    let pictures: usize = plans.iter().map(|plan| plan.pictures.len()).sum();
    // Of one picture the first axis says nothing.
    let several = |shape: &[(&'static str, usize)]| -> Vec<(&'static str, usize)> {
        let first = (pictures > 1).then_some(("pictures", pictures));
        first.into_iter().chain(shape.iter().copied()).collect()
    };
    let cut = match vision.sub_images {
        Some(grid) => format!("; each image whole and in {grid} x {grid} crops"),
        None => String::new(),
    };
    let text = &spec.text;
    vec![
        stage(
            "image",
            &several(&[
                ("channels", seen.num_channels),
                ("height", side),
                ("width", side),
            ]),
            format!("normalized pixel values, cut into {patches} x {patches} patches{cut}"),
        ),
        stage(
            TOWER,
            &several(&[
                ("tokens", seen.num_positions()),
                ("hidden", seen.hidden_size),
            ]),
            tower(vision) + class_token,
        ),
        stage(
            CONNECTOR,
            &[
                ("tokens", image_tokens),
                ("hidden", vision.connector.out_features),
            ],
            connector(&vision.connector),
        ),
        stage(
            "token sequence",
            &[("tokens", tokens), ("hidden", text.hidden_size)],
            format!(
                "{} and {}, in the order of the prompt",
                counted(image_tokens, "image token"),
                counted(tokens.saturating_sub(image_tokens), "other")
            ),
        ),
        stage(
            DECODER,
            &[
                ("layers", text.num_hidden_layers),
                ("tokens", tokens),
                ("hidden", text.hidden_size),
            ],
            decoder(text),
        ),
    ]
}

const TOWER: &str = "vision tower";
const CONNECTOR: &str = "connector";
const DECODER: &str = "language model";

fn tower(vision: &VisionSpec) -> String {
    let tower = &vision.tower;
    let layers: Vec<String> = vision.feature_layers.iter().map(i64::to_string).collect();
    let positions = match (tower.picture_size == tower.image_size, tower.positions) {
        (true, _) => String::new(),
        (false, PositionTable::Buckets) => {
            format!(", positions of {} px stretched", tower.image_size)
        }
        (false, _) => format!(", positions of {} px interpolated", tower.image_size),
    };
    let normed = if vision.normed_features {
        ", normed"
    } else {
        ""
    };
    let registers = match tower.registers {
        0 => String::new(),
        some => format!(", {}", counted(some, "register")),
    };
    let pictures = match vision.sub_images {
        Some(grid) => format!(", the whole and {grid} x {grid} crops of each image"),
        None => String::new(),
    };
    let qk_norm = if tower.qk_norm {
        ", queries and keys normed"
    } else {
        ""
    };
    format!(
        "{}, {} of width {}, {}{qk_norm}{registers}, {} px in patches of {}{positions}{pictures}, \
         features of layer {}{normed}",
        tower.kind.name(),
        counted(tower.num_hidden_layers, "layer"),
        tower.hidden_size,
        counted(tower.num_attention_heads, "head"),
        tower.picture_size,
        tower.patch_size,
        layers.join(", ")
    )
}

fn connector(connector: &ConnectorSpec) -> String {
    let form = match connector.kind {
        ConnectorKind::LINEAR => "linear".to_owned(),
        ConnectorKind::LLAVA => format!("MLP with {}", connector.activation.name()),
        ConnectorKind::Mlp { layers } => {
            format!(
                "MLP of {} with {}",
                counted(layers, "layer"),
                connector.activation.name()
            )
        }
        ConnectorKind::AveragePool { side } => {
            format!("average pooling to {side} x {side}, linear")
        }
        ConnectorKind::AttentionPool { tokens, heads } => {
            format!(
                "attention pooling, {} and {}",
                counted(tokens, "query"),
                counted(heads, "head")
            )
        }
        ConnectorKind::CAbstractor {
            side,
            hidden_size,
            depth,
            ..
        } => format!(
            "C-Abstractor, {depth} + {depth} blocks of {hidden_size} channels around pooling to \
             {side} x {side}"
        ),
        ConnectorKind::PixelShuffle {
            scale,
            normed,
            layers,
        } => {
            let norm = if normed { ", norm" } else { "" };
            let layers = match layers {
                1 => "linear".to_owned(),
                _ => format!("MLP with {}", connector.activation.name()),
            };
            format!("pixel shuffle by {scale} x {scale}{norm}, {layers}")
        }
    };
    let layered = connector.kind.linear_layers() > 0;
    format!(
        "{form}, {} to {}{}",
        connector.in_features,
        connector.out_features,
        if layered && !connector.bias {
            ", no bias"
        } else {
            ""
        }
    )
}

/// Elements of all tensors of the connector.
pub(super) fn connector_parameters(checkpoint: &Checkpoint) -> u64 {
    (checkpoint.parameters().iter())
        .filter(|parameter| parameter.part == Part::Connector)
        .map(Parameter::elements)
        .sum()
}

fn decoder(text: &DecoderSpec) -> String {
    let windowed = text.windowed.iter().filter(|windowed| **windowed).count();
    let window = match text.sliding_window {
        Some(window) => format!(
            ", {windowed} of {} with a window of {}",
            counted(text.num_hidden_layers, "layer"),
            counted(window, "token")
        ),
        None => String::new(),
    };
    format!(
        "{}, {} of width {}, {} query and {} key-value heads of {}, \
         MLP {}, {} token ids, {} head{window}{}",
        text.kind.name(),
        counted(text.num_hidden_layers, "layer"),
        text.hidden_size,
        text.num_attention_heads,
        text.num_key_value_heads,
        text.head_dim,
        text.intermediate_size,
        text.vocab_size,
        if text.tie_word_embeddings {
            "tied"
        } else {
            "untied"
        },
        if text.use_moca {
            ", modality calibration (MoCa) after each layer"
        } else {
            ""
        }
    )
}
