//! LLaVA as its own code writes it (`LlavaLlamaForCausalLM`, github.com/haotian-liu/LLaVA), which the
//! authors of MIR use, too: flat keys, `mm_` keys for tower and connector, the tower in a folder of its
//! own, no token for an image.

use super::{
    ConnectorKind, ConnectorSpec, DecoderKind, DecoderSpec, Family, FeatureSelect, FixedSize,
    ModelSpec, Planned, ProcessorFile, TowerKind, TowerSpec, VisionSpec, names,
    spec::connector::Features,
};
use crate::weights::{WeightsError, fields::Fields};

/// The family.
pub(crate) struct LlavaOriginal;

impl Family for LlavaOriginal {
    fn name(&self) -> &'static str {
        "llava_original"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["LlavaLlamaForCausalLM", "LlavaMistralForCausalLM"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["llava_llama", "llava_mistral"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        // Whoever puts the parts together adds the tower's section.
        if !root.has("vision_config") {
            let tower = root.string("mm_vision_tower")?.unwrap_or("none");
            let expected = "the vision tower beside it, which lies in a folder of its own: name that \
                 folder as well (--vision-tower DIR)";
            return Err(root.invalid("mm_vision_tower", expected, format!("{tower:?} alone")));
        }
        let tower = TowerSpec::parse_or(root, TowerKind::Clip, TowerSpec::CLIP_LARGE_336)?;
        match root.count("mm_hidden_size", 1..=65536)? {
            Some(width) if width != tower.hidden_size => {
                let expected = format!("{}, the width of the vision tower", tower.hidden_size);
                return Err(root.invalid("mm_hidden_size", expected, width));
            }
            _ => {}
        }
        let mistral = root
            .string("model_type")?
            .is_some_and(|name| name.contains("mistral"));
        let kind = if mistral {
            DecoderKind::Mistral
        } else {
            DecoderKind::Llama
        };
        let mut text = DecoderSpec::of_kind(root, "", kind, &kind.defaults())?;
        if let Some(most) = root.count("tokenizer_model_max_length", 1..=1 << 24)? {
            text.max_position_embeddings = text.max_position_embeddings.min(most);
        }
        let feature_select = feature_select(root, &tower)?;
        let features = Features {
            tower: &tower,
            states: 1,
            select: feature_select,
        };
        let connector = ConnectorSpec::parse(root, &features, text.hidden_size)?;
        let start_end = root.flag("mm_use_im_start_end")?.unwrap_or(false);
        let vision = VisionSpec {
            // No token of the vocabulary: LLaVA's code has -200 in these places.
            image_token_id: text.vocab_size as u32,
            around: start_end.then_some(["<im_start>", "<im_end>"]),
            scaffold: if start_end {
                &["<im_start>", "<im_end>"]
            } else {
                &[]
            },
            feature_layers: vec![feature_layer(root, tower.num_hidden_layers)?],
            feature_select,
            pad_to_square: match root.string("image_aspect_ratio")? {
                Some("pad") => true,
                None | Some("square") => false,
                Some(other) => {
                    let supported = "pad, square; for anyres the checkpoint in the layout of \
                         LlavaNextForConditionalGeneration";
                    return Err(root.unsupported("image_aspect_ratio", other, supported));
                }
            },
            ..VisionSpec::new(tower, connector)
        };
        ModelSpec::new(root, Some(vision), text)
    }

    fn canonical(&self, name: &str) -> String {
        let name = name.strip_prefix("base_model.model.").unwrap_or(name);
        if let Some(rest) = name.strip_prefix("model.vision_tower.vision_tower.vision_model.") {
            return format!("vision_tower.{rest}");
        }
        match name.strip_prefix("model.") {
            Some(rest) if !rest.starts_with("mm_projector.") => format!("language_model.{rest}"),
            _ => names::canonical(name),
        }
    }

    fn settle(&self, spec: &mut ModelSpec, tensors: &[&str]) {
        if let Some(vision) = &mut spec.vision
            && tensors.iter().copied().any(names::is_linear_connector)
        {
            vision.connector.kind = ConnectorKind::LINEAR;
        }
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        FixedSize::parse(file, Some(spec.vision()?))
    }
}

/// `mm_vision_select_feature`: `patch` leaves the class token out, where there is one.
fn feature_select(root: &Fields<'_>, tower: &TowerSpec) -> Result<FeatureSelect, WeightsError> {
    const KEY: &str = "mm_vision_select_feature";
    match root.string(KEY)?.unwrap_or("patch") {
        "patch" if tower.class_token => Ok(FeatureSelect::Default),
        "patch" | "cls_patch" => Ok(FeatureSelect::Full),
        other => Err(root.unsupported(KEY, other, "patch, cls_patch")),
    }
}

/// `mm_vision_select_layer`: an index into the tower's hidden states.
fn feature_layer(root: &Fields<'_>, layers: usize) -> Result<i64, WeightsError> {
    const KEY: &str = "mm_vision_select_layer";
    let states = layers as i64 + 1;
    match root.value(KEY).map(|value| value.as_i64()) {
        None => Ok(-2),
        Some(Some(layer)) if (-states..states).contains(&layer) => Ok(layer),
        Some(other) => {
            let found = other.map_or("something else".to_owned(), |layer| layer.to_string());
            Err(root.invalid(KEY, format!("an index into {states} hidden states"), found))
        }
    }
}
