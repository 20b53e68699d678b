//! A checkpoint in words and numbers.
//!
//! It has a sentence for each choice of a tower, a connector or a decoder.

use std::collections::BTreeMap;

use crate::{
    families::{
        ConnectorKind, DecoderSpec, FeatureSelect, ImagePlan, ModelSpec, PositionTable, VisionSpec,
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
        parts.push(format!("{CONNECTOR}: {}", connector(vision)));
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
    let class_token = match (seen.class_token, vision.feature_select) {
        (false, _) => "",
        (true, FeatureSelect::Default) => "; the class token is dropped",
        (true, FeatureSelect::Full) => "; the class token is kept, before the patches",
    };
    let image_tokens: usize = plans.iter().map(ImagePlan::tokens).sum();
    let pictures: usize = plans.iter().map(|plan| plan.pictures.len()).sum();
    let shape = plans.iter().flat_map(|plan| &plan.pictures);
    let shape = shape.map(|picture| picture.padded).next();
    let [height, width] = shape.unwrap_or([seen.picture_size; 2]);
    // Of one picture the first axis says nothing.
    let several = |shape: &[(&'static str, usize)]| -> Vec<(&'static str, usize)> {
        let first = (pictures > 1).then_some(("pictures", pictures));
        first.into_iter().chain(shape.iter().copied()).collect()
    };
    let cut = match (vision.sub_images, &vision.any_resolution) {
        (Some(grid), _) => format!("; each image whole and in {grid} x {grid} crops"),
        (None, Some(_)) => "; of each image the whole, then its tiles".to_owned(),
        (None, None) => String::new(),
    };
    let text = &spec.text;
    let channels = ("channels", seen.num_channels);
    let hidden = ("hidden", seen.hidden_size);
    let (pixels, positions) = match seen.blocks {
        // Several may differ in their sizes: all their patches, one after another.
        Some(_) if pictures > 1 => {
            let patches = |plan: &ImagePlan| -> usize {
                let views = plan.views.iter();
                views.map(|view| view.patches[0] * view.patches[1]).sum()
            };
            let patches: usize = plans.iter().map(patches).sum();
            let pixels = seen.num_channels * seen.patch_size * seen.patch_size;
            (
                vec![("patches", patches), ("values", pixels)],
                vec![("tokens", patches), hidden],
            )
        }
        _ => {
            let rows = vision.rows_of(height, width).map_or(0, |[rows, _]| rows);
            (
                several(&[channels, ("height", height), ("width", width)]),
                several(&[("tokens", rows), hidden]),
            )
        }
    };
    let patches = match seen.grid(height, width) {
        Some([rows, columns]) if seen.blocks.is_none() || pictures == 1 => {
            format!("{rows} x {columns} patches")
        }
        _ => format!("patches of {} pixels", seen.patch_size),
    };
    vec![
        stage(
            "image",
            &pixels,
            format!("normalized pixel values, cut into {patches}{cut}"),
        ),
        stage(TOWER, &positions, tower(vision) + class_token),
        stage(
            CONNECTOR,
            &[
                ("tokens", image_tokens),
                ("hidden", vision.connector.out_features),
            ],
            connector(vision),
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

pub(super) const TOWER: &str = "vision tower";
pub(super) const CONNECTOR: &str = "connector";
pub(super) const DECODER: &str = "language model";

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
    let pictures = match (vision.sub_images, &vision.any_resolution) {
        (Some(grid), _) => format!(", the whole and {grid} x {grid} crops of each image"),
        (None, Some(any)) => {
            let most = counted(any.most_tiles(tower.image_size), "tile");
            let shrunk = match any.most {
                Some(kept) => format!(", their features shrunk to those of about {kept}"),
                None => String::new(),
            };
            format!(", the whole and up to {most} of each image{shrunk}")
        }
        (None, None) => String::new(),
    };
    let sizes = match tower.blocks {
        None => format!("{} px", tower.picture_size),
        Some(_) => "pictures of any size".to_owned(),
    };
    let windowed = tower.windowed.iter().filter(|windowed| **windowed).count();
    let windows = match (tower.window, tower.blocks) {
        (Some(window), Some(blocks)) => format!(
            ", {windowed} of {} with windows of {1} x {1} patches",
            counted(tower.num_hidden_layers, "layer"),
            window * blocks
        ),
        _ => String::new(),
    };
    let deep = vision.deepstack.iter().map(|deep| deep.state.to_string());
    let deep: Vec<String> = deep.collect();
    let deepstack = match deep.is_empty() {
        true => String::new(),
        false => format!(
            ", those of layer {} added to the image tokens behind the first decoder layers (DeepStack)",
            deep.join(", ")
        ),
    };
    let qk_norm = if tower.qk_norm {
        ", queries and keys normed"
    } else {
        ""
    };
    format!(
        "{}, {} of width {}, {}{qk_norm}{registers}{windows}, {sizes} in patches of {}{positions}{pictures}, \
         features of layer {}{normed}{deepstack}",
        tower.kind.name(),
        counted(tower.num_hidden_layers, "layer"),
        tower.hidden_size,
        counted(tower.num_attention_heads, "head"),
        tower.patch_size,
        layers.join(", ")
    )
}

fn connector(vision: &VisionSpec) -> String {
    let connector = &vision.connector;
    let learned = match vision.learned_rows {
        [] => String::new(),
        rows => format!(", with the learned {}", rows.join(", ")),
    };
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
        ConnectorKind::Downsample { .. } => {
            format!(
                "2 x 2 patches side by side, a norm, MLP with {}",
                connector.activation.name()
            )
        }
        ConnectorKind::PoolNorm { kernel, side } => {
            format!("averages of {kernel} x {kernel} patches to {side} x {side}, a norm, linear")
        }
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
        ConnectorKind::PatchMerger { side } => format!(
            "norm, {side} x {side} patches joined, MLP with {}",
            connector.activation.name()
        ),
    };
    let layered = connector.kind.linear_layers() > 0;
    format!(
        "{form}, {} to {}{}{learned}",
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
    let rope = match text.rope_sections {
        Some(_) => ", positions by time, row and column (M-RoPE)",
        None => "",
    };
    format!(
        "{}, {} of width {}, {} query and {} key-value heads of {}, \
         MLP {}, {} token ids, {} head{window}{rope}{}",
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
