//! LLaVA-OneVision (arXiv 2408.03326; `LlavaOnevisionForConditionalGeneration`): LLaVA with images of any
//! resolution, whose features are shrunk where there are too many, and videos as sampled frames.

use super::{
    AnyResolution, DecoderSpec, Family, FeatureSelect, ModelSpec, Planned, ProcessorFile,
    TowerKind,
    any_resolution::{Class, Tiles},
    llava::Defaults,
    llava_next::{NEWLINE, refuse_other_parts},
    resize::Resize,
};
use crate::weights::{WeightsError, fields::Fields};

const RATIO: &str = "vision_aspect_ratio";
/// Most pictures' worth of features of an image's tiles.
const MOST: usize = 1024;

/// The placeholder of a video where none is named.
const VIDEO: u32 = 151_647;

/// All canvases of up to 6 x 6 pictures of 384 pixels.
const RESOLUTIONS: [[usize; 2]; 36] = {
    let mut all = [[0; 2]; 36];
    let mut i = 0;
    while i < 36 {
        all[i] = [384 * (1 + i / 6), 384 * (1 + i % 6)];
        i += 1;
    }
    all
};

const CLASS: Class = Class {
    name: "LlavaOnevisionImageProcessor",
    size: Resize::Exact(384, 384),
    crop: None,
    resolutions: &RESOLUTIONS,
};

const DEFAULTS: Defaults = Defaults {
    tower: (TowerKind::Siglip, [1152, 4304, 26, 16, 384, 14]),
    decoder: "qwen2",
    feature_layer: -1,
    feature_select: FeatureSelect::Full,
    image_token_id: 151_646,
};

/// The family.
pub(crate) struct LlavaOnevision;

impl Family for LlavaOnevision {
    fn name(&self) -> &'static str {
        "llava_onevision"
    }

    fn architectures(&self) -> &'static [&'static str] {
        &["LlavaOnevisionForConditionalGeneration"]
    }

    fn model_types(&self) -> &'static [&'static str] {
        &["llava_onevision"]
    }

    fn spec(&self, root: &Fields<'_>) -> Result<ModelSpec, WeightsError> {
        let (mut vision, text) = DEFAULTS.parse(root)?;
        refuse_other_parts(root, vision.connector.kind)?;
        vision.any_resolution = Some(AnyResolution {
            most: Some(most(root)?.unwrap_or(9)),
            alone: true,
            ..AnyResolution::parse(root, &vision, &RESOLUTIONS)?
        });
        vision.learned_rows = NEWLINE;
        vision.video_token_id = Some(video_token(root, &text)?);
        ModelSpec::new(root, Some(vision), text)
    }

    fn images(&self, spec: &ModelSpec, file: &ProcessorFile) -> Result<Planned, WeightsError> {
        let vision = spec.vision()?;
        let settings = vision.any_resolution.as_ref();
        let wanted = settings.and_then(|settings| settings.most);
        // The processor counts the placeholders by a copy of its own.
        let processor = file.processor();
        match most(&processor)?.filter(|most| Some(*most) != wanted) {
            Some(most) => {
                let expected = "the same as in config.json";
                Err(processor.invalid(RATIO, expected, format!("anyres_max_{most}")))
            }
            None => Tiles::parse(file, vision, &CLASS),
        }
    }
}

/// The placeholder of a video.
fn video_token(root: &Fields<'_>, text: &DecoderSpec) -> Result<u32, WeightsError> {
    const KEYS: [&str; 2] = ["video_token_index", "video_token_id"];
    let key = KEYS.into_iter().find(|key| root.has(key));
    match key.map(|key| root.token(key)).transpose()?.flatten() {
        Some(id) => text.known(root, key.unwrap_or(KEYS[0]), id),
        None => Ok(VIDEO),
    }
}

/// N of `vision_aspect_ratio` = `anyres_max_N`.
fn most(f: &Fields<'_>) -> Result<Option<usize>, WeightsError> {
    let Some(name) = f.string(RATIO)? else {
        return Ok(None);
    };
    let digits = name.strip_prefix("anyres_max_");
    let most = digits.and_then(|digits| digits.parse().ok());
    match most.filter(|most| (1..=MOST).contains(most)) {
        Some(most) => Ok(Some(most)),
        None => Err(f.unsupported(RATIO, name, &format!("anyres_max_1 to anyres_max_{MOST}"))),
    }
}
