//! LLaVA-NeXT (`LlavaNextForConditionalGeneration`, llava-v1.6): LLaVA with images of any resolution.

use super::{
    AnyResolution, ConnectorKind, Family, ModelSpec, Planned, ProcessorFile,
    any_resolution::{Class, Tiles},
    llava::Defaults,
    resize::Resize,
};
use crate::weights::{WeightsError, fields::Fields};

/// The row behind each line of an image's tiles.
pub(super) const NEWLINE: &[&str] = &["image_newline"];

const CLASS: Class = Class {
    name: "LlavaNextImageProcessor",
    size: Resize::ShortestEdge(224),
    crop: Some((224, 224)),
    resolutions: &[[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
};

/// The family.
pub(crate) struct LlavaNext;

impl Family for LlavaNext {
    fn name(&self) -> &'static str {
        "llava_next"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["LlavaNextForConditionalGeneration"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["llava_next"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let (mut vision, mut text) = Defaults::LLAVA.parse(root)?;
        refuse_other_parts(root, vision.connector.kind)?;
        vision.any_resolution = Some(AnyResolution::parse(root, &vision, CLASS.resolutions)?);
        vision.learned_rows = NEWLINE;
        // The decoder's own word does not count here.
        text.tie_word_embeddings = root.flag("tie_word_embeddings")?.unwrap_or(false);
        ModelSpec::new(root, Some(vision), text)
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        Tiles::parse(file, spec.vision()?, &CLASS)
    }
}

/// Keys of this project's own recipe, which only LLaVA's class knows.
pub(super) fn refuse_other_parts(
    root: &Fields<'_>,
    connector: ConnectorKind,
) -> Result<(), WeightsError> {
    if connector != ConnectorKind::LLAVA {
        let key = "mm_projector_type";
        return Err(root.unsupported(key, &connector.name(), &ConnectorKind::LLAVA.name()));
    }
    match root.has("mm_sub_images") {
        true => Err(root.invalid("mm_sub_images", "absent", "it")),
        false => Ok(()),
    }
}
