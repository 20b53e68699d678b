//! LLaVA (arXiv 2304.08485 and 2310.03744): `LlavaForConditionalGeneration` as transformers 4 and 5
//! write it, and the class of this project's own recipe, which knows more connectors.
//!
//! Absent and `null` fields take the defaults of the configuration classes of transformers 5; every
//! field is checked against bounds, so that no later size can overflow.

use serde_json::Value;

use super::{
    ConnectorKind, ConnectorSpec, DecoderSpec, Family, FeatureSelect, FixedSize, ModelSpec,
    Planned, ProcessorFile, TowerSpec, VisionSpec, names, spec::connector::Features,
};
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

/// Most crops along a side of an image: 64 and the whole are 65 pictures.
const MOST_SUB_IMAGES: usize = 8;

/// The family.
pub(crate) struct Llava;

impl Family for Llava {
    fn name(&self) -> &'static str {
        "llava"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["LlavaForConditionalGeneration", "FamilyLlava"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["llava"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let tower = TowerSpec::parse(root)?;
        let text = DecoderSpec::parse(root, "text_config.")?;
        let feature_layers = feature_layers(root, tower.num_hidden_layers)?;
        let feature_select = feature_select(root)?;
        let features = Features {
            tower: &tower,
            states: feature_layers.len(),
            select: feature_select,
        };
        let connector = ConnectorSpec::parse(root, &features, text.hidden_size)?;
        let vision = VisionSpec {
            image_token_id: match root.token("image_token_index")? {
                Some(id) => id,
                None => root.token("image_token_id")?.unwrap_or(32000),
            },
            sub_images: root.count("mm_sub_images", 2..=MOST_SUB_IMAGES)?,
            pad_to_square: match root.string("image_aspect_ratio")? {
                Some("pad") => true,
                None | Some("square") => false,
                Some(other) => {
                    return Err(root.unsupported("image_aspect_ratio", other, "pad, square"));
                }
            },
            tower,
            connector,
            feature_layers,
            feature_select,
            normed_features: false,
            deepstack: Vec::new(),
            marker: None,
            scaffold: &[],
        };
        if vision.num_features() == 0 {
            return Err(root.invalid(
                "vision_feature_select_strategy",
                "one that leaves image features",
                format!("{feature_select:?}, which drops the only patch"),
            ));
        }
        if vision.image_token_id as usize >= text.vocab_size {
            return Err(root.invalid(
                "image_token_index",
                format!("below text_config.vocab_size = {}", text.vocab_size),
                vision.image_token_id,
            ));
        }
        ModelSpec::new(root, Some(vision), text)
    }

    fn settle(&self, spec: &mut ModelSpec, tensors: &[&str]) {
        if let Some(vision) = &mut spec.vision
            && matches!(vision.connector.kind, ConnectorKind::Mlp { .. })
            && tensors.iter().copied().any(names::is_linear_connector)
        {
            vision.connector.kind = ConnectorKind::LINEAR;
        }
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        FixedSize::parse(file, Some(spec.vision()?))
    }
}

/// `vision_feature_select_strategy`.
fn feature_select(root: &Fields<'_>) -> Result<FeatureSelect, WeightsError> {
    const KEY: &str = "vision_feature_select_strategy";
    match root.string(KEY)?.unwrap_or("default") {
        "default" => Ok(FeatureSelect::Default),
        "full" => Ok(FeatureSelect::Full),
        other => Err(root.unsupported(KEY, other, "default, full")),
    }
}

/// `vision_feature_layer`: one index or a list, each within the tower's hidden states.
fn feature_layers(root: &Fields<'_>, layers: usize) -> Result<Vec<i64>, WeightsError> {
    const KEY: &str = "vision_feature_layer";
    let states = layers as i64 + 1;
    let expected = || format!("an index into {states} hidden states, or a list of 1 to 16");
    let list = match root.value(KEY) {
        None => vec![-2],
        Some(Value::Array(list)) if (1..=16).contains(&list.len()) => list
            .iter()
            .map(|v| v.as_i64())
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| root.invalid(KEY, expected(), "something else in the list"))?,
        Some(value) => match value.as_i64() {
            Some(layer) => vec![layer],
            None => return Err(root.invalid(KEY, expected(), describe(value))),
        },
    };
    match list.iter().find(|&&l| l >= states || l < -states) {
        Some(&layer) => Err(root.invalid(KEY, expected(), layer)),
        None => Ok(list),
    }
}
