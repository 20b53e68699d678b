//! Gemma 3 (arXiv 2503.19786; `Gemma3ForConditionalGeneration`): SigLIP, its features averaged to a few
//! tokens, a decoder with windows, in which the tokens of an image see each other.

use super::{
    Activation, ConnectorFields, ConnectorKind, ConnectorSpec, DecoderKind, DecoderSpec, Family,
    FixedSize, Layout, ModelSpec, Planned, ProcessorFile, PromptTokens, VisionSpec,
    paligemma::{image_token, siglip},
};
use crate::weights::{WeightsError, fields::Fields};

/// The family.
pub(crate) struct Gemma3;

impl Family for Gemma3 {
    fn name(&self) -> &'static str {
        "gemma3"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["Gemma3ForConditionalGeneration"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["gemma3"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let kind = DecoderKind::Gemma3;
        let text = DecoderSpec::of_kind(root, "text_config.", kind, &kind.defaults())?;
        let tower = siglip(root)?;
        const TOKENS: &str = "mm_tokens_per_image";
        let tokens = root.count(TOKENS, 1..=1 << 20)?.unwrap_or(256);
        let (patches, side) = (tower.patches_per_side(), tokens.isqrt());
        if side * side != tokens || side > patches {
            let expected = format!("a square number of at most {patches} x {patches} patches");
            return Err(root.invalid(TOKENS, expected, tokens));
        }
        let kernel = patches / side;
        let connector = ConnectorSpec {
            kind: ConnectorKind::PoolNorm {
                kernel,
                side: patches / kernel,
            },
            activation: Activation::Identity,
            bias: false,
            in_features: tower.hidden_size,
            out_features: text.hidden_size,
            fields: ConnectorFields::LLAVA,
        };
        let vision = VisionSpec {
            image_token_id: image_token(root, 262_144, &text)?,
            marker: Some("<start_of_image>"),
            around: Some(["\n\n<start_of_image>", "<end_of_image>\n\n"]),
            scaffold: &["<start_of_image>", "<end_of_image>"],
            normed_features: true,
            ..VisionSpec::new(tower, connector)
        };
        ModelSpec::new(root, Some(vision), text)
    }

    /// The tokens of an image, a run of placeholders, see all of themselves.
    fn layout(&self, spec: &ModelSpec, prompt: &PromptTokens<'_>) -> Layout {
        let placeholder = spec.vision.as_ref().map(|vision| vision.image_token_id);
        let ids = prompt.input_ids;
        let mut keys = Vec::with_capacity(ids.len());
        let mut end = 0;
        for (token, id) in ids.iter().enumerate() {
            if token >= end && Some(*id) == placeholder {
                let run = ids[token..].iter().take_while(|other| *other == id);
                end = token + run.count();
            }
            keys.push([0, end.max(token + 1) as u32]);
        }
        Layout {
            positions: None,
            keys: Some(keys),
        }
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        const CROPS: &str = "do_pan_and_scan";
        if file.image().flag(CROPS)?.unwrap_or(false) {
            return Err(file
                .image()
                .unsupported(CROPS, "true", "false: whole images"));
        }
        FixedSize::parse(file, Some(spec.vision()?))
    }
}
