//! A checkpoint in words and numbers.

use std::collections::BTreeMap;

use crate::{
    report::{DtypeShare, ModelSummary},
    weights::{Checkpoint, ConnectorKind, VisionKind, VlmConfig},
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
    let tower = format!(
        "vision tower: {kind}, {} layers of width {}, {} heads, {} px in patches of {}, features \
         of layer {}",
        vision.num_hidden_layers,
        vision.hidden_size,
        vision.num_attention_heads,
        vision.image_size,
        vision.patch_size,
        layers.join(", ")
    );
    let connector = &config.connector;
    let form = match connector.kind {
        ConnectorKind::Linear => "linear".to_owned(),
        ConnectorKind::Mlp => format!("MLP with {}", connector.activation.name()),
    };
    let connector = format!(
        "connector: {form}, {} to {}{}",
        connector.in_features,
        connector.out_features,
        if connector.bias { "" } else { ", no bias" }
    );
    let text = &config.text;
    let decoder = format!(
        "language model: Llama, {} layers of width {}, {} query and {} key-value heads of {}, \
         MLP {}, {} token ids, {} head",
        text.num_hidden_layers,
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
        }
    );
    vec![tower, connector, decoder]
}
