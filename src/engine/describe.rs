//! A checkpoint in words and numbers.

use std::collections::BTreeMap;

use crate::{
    report::{DtypeShare, ModelSummary, StageView},
    weights::{Checkpoint, ConnectorKind, FeatureSelect, VisionKind, VlmConfig, layout},
    words::counted,
};

/// What a report says about a checkpoint called `name`.
pub(super) fn summary(checkpoint: &Checkpoint, name: &str) -> ModelSummary {
    let config = &checkpoint.config;
    let shares = dtypes(checkpoint);
    ModelSummary {
        name: name.to_owned(),
        architecture: config.architecture.clone(),
        parts: parts(config),
        parameters: shares.iter().map(|share| share.parameters).sum(),
        dtype: shares
            .iter()
            .max_by_key(|share| share.parameters)
            .map(|share| share.dtype.clone())
            .unwrap_or_default(),
        hidden_size: config.text.hidden_size,
        num_hidden_layers: config.text.num_hidden_layers,
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
fn parts(config: &VlmConfig) -> Vec<String> {
    vec![
        format!("{TOWER}: {}", tower(config)),
        format!("{CONNECTOR}: {}", connector(config)),
        format!("{DECODER}: {}", decoder(config)),
    ]
}

/// The way of a pair of `images` images whose prompt has `tokens` tokens: what each stage gives, and
/// what it is.
pub(super) fn stages(config: &VlmConfig, images: usize, tokens: usize) -> Vec<StageView> {
    let stage = |name: &str, shape: &[(&str, usize)], about: String| StageView {
        name: name.to_owned(),
        shape: (shape.iter())
            .map(|(axis, size)| ((*axis).to_owned(), *size))
            .collect(),
        about,
    };
    let vision = &config.vision;
    let (side, patches) = (vision.picture_size, vision.patches_per_side());
    let class_token = match (vision.has_class_token(), config.vision_feature_select) {
        (false, _) => "",
        (true, FeatureSelect::Default) => "; the class token is dropped",
        (true, FeatureSelect::Full) => "; the class token is kept, before the patches",
    };
    let image_tokens = images * config.num_image_tokens();
    let pictures = images * config.pictures_per_image();
    // Of one picture the first axis says nothing.
    let several = |shape: &[(&'static str, usize)]| -> Vec<(&'static str, usize)> {
        let first = (pictures > 1).then_some(("pictures", pictures));
        first.into_iter().chain(shape.iter().copied()).collect()
    };
    let cut = match config.sub_images {
        Some(grid) => format!("; each image whole and in {grid} x {grid} crops"),
        None => String::new(),
    };
    let text = &config.text;
    vec![
        stage(
            "image",
            &several(&[
                ("channels", vision.num_channels),
                ("height", side),
                ("width", side),
            ]),
            format!("normalized pixel values, cut into {patches} x {patches} patches{cut}"),
        ),
        stage(
            TOWER,
            &several(&[
                ("tokens", vision.num_positions()),
                ("hidden", vision.hidden_size),
            ]),
            tower(config) + class_token,
        ),
        stage(
            CONNECTOR,
            &[
                ("tokens", image_tokens),
                ("hidden", config.connector.out_features),
            ],
            connector(config),
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
            decoder(config),
        ),
    ]
}

const TOWER: &str = "vision tower";
const CONNECTOR: &str = "connector";
const DECODER: &str = "language model";

fn tower(config: &VlmConfig) -> String {
    let vision = &config.vision;
    let kind = match vision.kind {
        VisionKind::Clip => "CLIP",
        VisionKind::Siglip => "SigLIP",
    };
    let layers: Vec<String> = config
        .vision_feature_layer
        .iter()
        .map(i64::to_string)
        .collect();
    let positions = match vision.picture_size == vision.image_size {
        true => String::new(),
        false => format!(", positions of {} px interpolated", vision.image_size),
    };
    let pictures = match config.sub_images {
        Some(grid) => format!(", the whole and {grid} x {grid} crops of each image"),
        None => String::new(),
    };
    format!(
        "{kind}, {} of width {}, {}, {} px in patches of {}{positions}{pictures}, \
         features of layer {}",
        counted(vision.num_hidden_layers, "layer"),
        vision.hidden_size,
        counted(vision.num_attention_heads, "head"),
        vision.picture_size,
        vision.patch_size,
        layers.join(", ")
    )
}

fn connector(config: &VlmConfig) -> String {
    let connector = &config.connector;
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
        ConnectorKind::PixelShuffle { scale } => {
            format!("pixel shuffle by {scale} x {scale}, linear")
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
pub(super) fn connector_parameters(config: &VlmConfig) -> u64 {
    layout::expected(config)
        .iter()
        .filter(|tensor| tensor.name.starts_with("multi_modal_projector."))
        .map(|tensor| {
            tensor
                .shape
                .iter()
                .map(|&size| size as u64)
                .product::<u64>()
        })
        .sum()
}

fn decoder(config: &VlmConfig) -> String {
    let text = &config.text;
    format!(
        "Llama, {} of width {}, {} query and {} key-value heads of {}, \
         MLP {}, {} token ids, {} head{}",
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
        if config.use_moca {
            ", modality calibration (MoCa) after each layer"
        } else {
            ""
        }
    )
}
