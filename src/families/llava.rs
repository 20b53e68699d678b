//! LLaVA (arXiv 2304.08485 and 2310.03744): `LlavaForConditionalGeneration` as transformers 4 and 5
//! write it, and the class of this project's own recipe, which knows more connectors.
//!
//! Absent and `null` fields take the defaults of the configuration classes of transformers 5; every
//! field is checked against bounds, so that no later size can overflow.

use serde_json::Value;

use super::{
    ConnectorKind, ConnectorSpec, DecoderSpec, Family, FeatureSelect, FixedSize, ModelSpec,
    Planned, ProcessorFile, TowerKind, TowerSpec, VisionSpec, names, spec::connector::Features,
};
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

/// Most crops along a side of an image: 64 and the whole are 65 pictures.
const MOST_SUB_IMAGES: usize = 8;

pub(super) const STRATEGY: &str = "vision_feature_select_strategy";

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
        let (mut vision, text) = Defaults::LLAVA.parse(root)?;
        vision.sub_images = root.count("mm_sub_images", 2..=MOST_SUB_IMAGES)?;
        vision.pad_to_square = match root.string("image_aspect_ratio")? {
            Some("pad") => true,
            None | Some("square") => false,
            Some(other) => {
                return Err(root.unsupported("image_aspect_ratio", other, "pad, square"));
            }
        };
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

/// What the configuration classes of LLaVA and its relatives take for absent keys.
pub(super) struct Defaults {
    /// Kind of tower, and its sizes where there is no section: width, inner width, layers, heads,
    /// image, patch.
    pub(super) tower: (TowerKind, [usize; 6]),
    /// `model_type` of the decoder.
    pub(super) decoder: &'static str,
    pub(super) feature_layer: i64,
    pub(super) feature_select: FeatureSelect,
    pub(super) image_token_id: u32,
}

impl Defaults {
    /// LLaVA's own, which LLaVA-NeXT shares.
    pub(super) const LLAVA: Self = Self {
        tower: (TowerKind::Clip, TowerSpec::CLIP_LARGE_336),
        decoder: "llama",
        feature_layer: -2,
        feature_select: FeatureSelect::Default,
        image_token_id: 32000,
    };

    /// Tower, connector and decoder of a configuration in LLaVA's form.
    ///
    /// # Errors
    /// A field that is unknown, missing or impossible.
    pub(super) fn parse(
        &self,
        root: &Fields<'_>,
    ) -> Result<(VisionSpec, DecoderSpec), WeightsError> {
        let (kind, sizes) = self.tower;
        let tower = TowerSpec::parse_or(root, kind, sizes)?;
        let text = DecoderSpec::parse_or(root, "text_config.", self.decoder)?;
        let feature_layers = feature_layers(root, tower.num_hidden_layers, self.feature_layer)?;
        let feature_select = feature_select(root, self.feature_select)?;
        let features = Features {
            tower: &tower,
            states: feature_layers.len(),
            select: feature_select,
        };
        let connector = ConnectorSpec::parse(root, &features, text.hidden_size)?;
        let vision = VisionSpec {
            image_token_id: match root.token("image_token_index")? {
                Some(id) => id,
                None => root.token("image_token_id")?.unwrap_or(self.image_token_id),
            },
            feature_layers,
            feature_select,
            ..VisionSpec::new(tower, connector)
        };
        if vision.num_features() == 0 {
            return Err(root.invalid(
                STRATEGY,
                "one that leaves image features",
                format!("{feature_select:?}, which drops the only patch"),
            ));
        }
        text.known(root, "image_token_index", vision.image_token_id)?;
        Ok((vision, text))
    }
}

/// `vision_feature_select_strategy`.
fn feature_select(
    root: &Fields<'_>,
    default: FeatureSelect,
) -> Result<FeatureSelect, WeightsError> {
    match root.string(STRATEGY)? {
        None => Ok(default),
        Some("default") => Ok(FeatureSelect::Default),
        Some("full") => Ok(FeatureSelect::Full),
        Some(other) => Err(root.unsupported(STRATEGY, other, "default, full")),
    }
}

/// `vision_feature_layer`: one index or a list, each within the tower's hidden states.
fn feature_layers(
    root: &Fields<'_>,
    layers: usize,
    default: i64,
) -> Result<Vec<i64>, WeightsError> {
    const KEY: &str = "vision_feature_layer";
    let states = layers as i64 + 1;
    let expected = || format!("an index into {states} hidden states, or a list of 1 to 16");
    let list = match root.value(KEY) {
        None => vec![default],
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
