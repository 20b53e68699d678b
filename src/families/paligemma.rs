//! PaliGemma (arXiv 2407.07726; `PaliGemmaForConditionalGeneration`): SigLIP, one linear layer, Gemma. The
//! image, a token for the beginning and a newline see each other; the text behind them is causal.

use serde_json::Map;

use super::{
    Activation, ConnectorFields, ConnectorKind, ConnectorSpec, DecoderKind, DecoderSpec, Family,
    FixedSize, Layout, ModelSpec, Planned, ProcessorFile, PromptShape, PromptTokens, TowerKind,
    TowerSpec, VisionSpec,
};
use crate::weights::{WeightsError, fields::Fields};

/// The family.
pub(crate) struct PaliGemma;

impl Family for PaliGemma {
    fn name(&self) -> &'static str {
        "paligemma"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["PaliGemmaForConditionalGeneration"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["paligemma"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let empty = Map::new();
        let text = root.section_or("text_config", &empty)?;
        match text.string("model_type")?.unwrap_or("gemma") {
            "gemma" => {}
            other => {
                let supported =
                    "gemma (PaliGemma 1: gemma2's scores are capped, which has no kernel)";
                return Err(text.unsupported("model_type", other, supported));
            }
        }
        let kind = DecoderKind::Gemma;
        let text = DecoderSpec::of_kind(root, "text_config.", kind, &kind.defaults())?;
        let tower = siglip(root)?;
        let connector = ConnectorSpec {
            kind: ConnectorKind::LINEAR,
            activation: Activation::Identity,
            bias: true,
            in_features: tower.hidden_size,
            out_features: text.hidden_size,
            fields: ConnectorFields::LLAVA,
        };
        let vision = VisionSpec {
            image_token_id: image_token(root, 256_000, &text)?,
            shape: PromptShape::Prefix,
            normed_features: true,
            ..VisionSpec::new(tower, connector)
        };
        ModelSpec::new(root, Some(vision), text)
    }

    /// Positions are counted from 1. What stands before the text sees all of itself.
    fn layout(&self, _spec: &ModelSpec, prompt: &PromptTokens<'_>) -> Layout {
        let tokens = prompt.input_ids.len() as u32;
        let prefix = prompt.text as u32;
        Layout {
            positions: Some((1..=tokens).map(|position| [position; 3]).collect()),
            keys: Some(
                (0..tokens)
                    .map(|token| [0, prefix.max(token + 1)])
                    .collect(),
            ),
        }
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        FixedSize::parse(file, Some(spec.vision()?))
    }
}

/// The SigLIP tower in `vision_config`, whose `model_type` may be left out.
pub(super) fn siglip(root: &Fields<'_>) -> Result<TowerSpec, WeightsError> {
    let empty = Map::new();
    let f = root.section_or("vision_config", &empty)?;
    match f.string("model_type")?.unwrap_or("siglip_vision_model") {
        "siglip_vision_model" => {
            TowerSpec::of_kind(&f, TowerKind::Siglip, TowerKind::Siglip.sizes(false))
        }
        other => Err(f.unsupported("model_type", other, "siglip_vision_model")),
    }
}

/// `image_token_index` or `image_token_id`, within the vocabulary.
pub(super) fn image_token(
    root: &Fields<'_>,
    default: u32,
    text: &DecoderSpec,
) -> Result<u32, WeightsError> {
    const KEY: &str = "image_token_index";
    let id = match root.token(KEY)? {
        Some(id) => id,
        None => root.token("image_token_id")?.unwrap_or(default),
    };
    text.known(root, KEY, id)
}
