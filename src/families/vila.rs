//! VILA1.5 (arXiv 2312.07533; `LlavaLlamaModel` of github.com/NVlabs/VILA): a language model, a tower and a
//! connector in folders of their own, `llm/`, `vision_tower/` and `mm_projector/`.

use super::{
    Activation, ConnectorFields, ConnectorKind, ConnectorSpec, DecoderSpec, Family, FeatureSelect,
    FixedSize, ModelSpec, Planned, ProcessorFile, TowerKind, TowerSpec, VisionSpec, names,
};
use crate::weights::{WeightsError, fields::Fields};

/// The family.
pub(crate) struct Vila;

impl Family for Vila {
    fn name(&self) -> &'static str {
        "vila"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["LlavaLlamaModel"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &[]
    }

    /// The configurations of the folders stand in `text_config` and `vision_config`, that of the
    /// connector among the outer keys: see [`crate::model::Checkpoint::open`].
    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        refuse_scales(root)?;
        let tower = TowerSpec::parse_or(root, TowerKind::Siglip, TowerKind::Siglip.sizes(false))?;
        let text = DecoderSpec::parse(root, "text_config.")?;
        let connector = connector(root, &tower, &text)?;
        const SELECT: &str = "mm_vision_select_feature";
        let feature_select = match root.string(SELECT)?.unwrap_or("patch") {
            "cls_patch" => FeatureSelect::Full,
            "patch" => FeatureSelect::Default,
            other => return Err(root.unsupported(SELECT, other, "cls_patch, patch")),
        };
        const LAYER: &str = "mm_vision_select_layer";
        let states = tower.num_hidden_layers as i64 + 1;
        let layer = match root.value(LAYER) {
            None => -2,
            Some(value) => (value.as_i64())
                .filter(|layer| (-states..states).contains(layer))
                .ok_or_else(|| {
                    root.invalid(
                        LAYER,
                        format!("an index into {states} hidden states"),
                        value,
                    )
                })?,
        };
        let aspect = root.string("image_aspect_ratio")?;
        let vision = VisionSpec {
            // No token of the vocabulary: VILA's code has -200 in these places.
            image_token_id: text.vocab_size as u32,
            feature_layers: vec![layer],
            feature_select,
            pad_to_square: aspect == Some("pad"),
            stretch: aspect == Some("resize"),
            ..VisionSpec::new(tower, connector)
        };
        ModelSpec::new(root, Some(vision), text)
    }

    fn canonical(&self, name: &str) -> String {
        const PARTS: [(&str, &str); 5] = [
            ("layers.1.", "layer_norm."),
            ("layers.2.", "linear_1."),
            ("layers.4.", "linear_2."),
            ("layers.weight", "linear_1.weight"),
            ("layers.bias", "linear_1.bias"),
        ];
        if let Some(rest) = name.strip_prefix("mm_projector/") {
            let found = PARTS.iter().find_map(|(own, canonical)| {
                let rest = rest.strip_prefix(own)?;
                Some(format!("multi_modal_projector.{canonical}{rest}"))
            });
            return found.unwrap_or_else(|| name.to_owned());
        }
        match name.strip_prefix("llm/") {
            Some(rest) => match rest.strip_prefix("model.") {
                Some(rest) => format!("language_model.{rest}"),
                None => rest.to_owned(),
            },
            None => {
                let rest = name.strip_prefix("vision_tower/").unwrap_or(name);
                names::tower_canonical(rest)
            }
        }
    }

    fn folders(&self) -> Option<[&'static str; 3]> {
        Some(["llm", "vision_tower", "mm_projector"])
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        FixedSize::parse(file, Some(spec.vision()?))
    }
}

/// Refuses towers that look at several scales, and positions that are stretched.
fn refuse_scales(root: &Fields<'_>) -> Result<(), WeightsError> {
    for key in ["s2", "dynamic_s2"] {
        if root.flag(key)?.unwrap_or(false) {
            return Err(root.unsupported(key, "true", "false: one scale"));
        }
    }
    const RESOLUTION: &str = "vision_resolution";
    match root.value(RESOLUTION).map(|value| value.as_i64()) {
        None | Some(Some(-1)) => Ok(()),
        Some(_) => Err(root.unsupported(RESOLUTION, "another size", "-1: the tower's own")),
    }
}

/// `mm_projector_type`.
fn connector(
    root: &Fields<'_>,
    tower: &TowerSpec,
    text: &DecoderSpec,
) -> Result<ConnectorSpec, WeightsError> {
    const TYPE: &str = "mm_projector_type";
    let kind = match root.string(TYPE)?.unwrap_or("absent") {
        "linear" => ConnectorKind::LINEAR,
        // The released code of VILA1.5 left its tokens turned; what came later does not.
        "mlp_downsample" => ConnectorKind::Downsample { by_columns: true },
        "mlp_downsample_2x2_fix" => ConnectorKind::Downsample { by_columns: false },
        other => {
            let supported = "mlp_downsample, mlp_downsample_2x2_fix, linear";
            return Err(root.unsupported(TYPE, other, supported));
        }
    };
    Ok(ConnectorSpec {
        kind,
        activation: Activation::Gelu,
        bias: true,
        in_features: tower.hidden_size,
        out_features: text.hidden_size,
        fields: ConnectorFields::LLAVA,
    })
}
