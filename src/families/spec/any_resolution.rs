//! Images of any resolution ("AnyRes"): which canvases an image may be fitted into.

use serde_json::Value;

use super::VisionSpec;
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

const KEY: &str = "image_grid_pinpoints";
/// Most canvases to choose from.
const MOST_RESOLUTIONS: usize = 1024;
/// Longest side of a canvas, in pixels.
const LONGEST_SIDE: u64 = 1 << 14;
/// Most features of an image before any of them is left out.
const MOST_FEATURES: usize = 1 << 22;

/// How an image is cut into tiles, of which its proportions say how many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnyResolution {
    /// Height and width of the canvases that an image may be fitted into, in pixels: multiples of a
    /// picture's side. Of two that suit an image as well the first counts.
    pub resolutions: Vec<[usize; 2]>,
    /// Most features of the tiles, in pictures: where there are more by more than a fifth, they are shrunk to about
    /// as many. None where all are kept.
    pub most: Option<usize>,
    /// Whether only an image that is alone in its prompt is cut: one of several is made square and is a
    /// single picture.
    pub alone: bool,
}

impl AnyResolution {
    /// `image_grid_pinpoints`, or these where there are none, for a tower and connector that give a
    /// square of tokens, row by row, and nothing else.
    ///
    /// # Errors
    /// A canvas that is not made of whole pictures; other features than one of each patch.
    pub(in crate::families) fn parse(
        root: &Fields<'_>,
        vision: &VisionSpec,
        default: &[[usize; 2]],
    ) -> Result<Self, WeightsError> {
        let (side, patches) = (vision.tower.image_size, vision.tower.num_patches());
        if vision.num_features() != patches || vision.tokens_before_grid() > 0 {
            let expected = match vision.tower.class_token {
                true => format!(
                    "`default` for a tower without registers, which gives {patches} patches,"
                ),
                false => format!("`full`, which gives the {patches} patches of a picture,"),
            };
            let found = format!(
                "{:?}, which gives {}",
                vision.feature_select,
                vision.num_features()
            );
            let key = crate::families::llava::STRATEGY;
            return Err(root.invalid(key, expected, found.to_lowercase()));
        }
        let resolutions = Self::resolutions(root)?.unwrap_or_else(|| default.to_vec());
        let wrong = resolutions.iter().find(|size| {
            let [rows, columns] = size.map(|length| length / side);
            let whole = size.iter().all(|length| length.is_multiple_of(side));
            !whole || (1 + rows * columns) * patches > MOST_FEATURES
        });
        if let Some([height, width]) = wrong {
            let expected = format!(
                "multiples of vision_config.image_size = {side}, of no more than {MOST_FEATURES} \
                 patches in all,"
            );
            return Err(root.invalid(KEY, expected, format!("[{height}, {width}]")));
        }
        Ok(Self {
            resolutions,
            ..Self::default()
        })
    }

    /// Most tiles of an image, each with this side.
    pub fn most_tiles(&self, side: usize) -> usize {
        let tiles = |size: &[usize; 2]| size.iter().map(|length| length / side).product();
        self.resolutions.iter().map(tiles).max().unwrap_or(0)
    }

    /// `image_grid_pinpoints` of a configuration or of an image processor.
    ///
    /// # Errors
    /// Something else than a list of sizes.
    pub(in crate::families) fn resolutions(
        f: &Fields<'_>,
    ) -> Result<Option<Vec<[usize; 2]>>, WeightsError> {
        let side = |value: &Value| {
            let length = value
                .as_u64()
                .filter(|length| (1..=LONGEST_SIDE).contains(length));
            length.and_then(|length| usize::try_from(length).ok())
        };
        let size = |value: &Value| match value.as_array().map(Vec::as_slice) {
            Some([height, width]) => Some([side(height)?, side(width)?]),
            _ => None,
        };
        let found = match f.value(KEY) {
            None => return Ok(None),
            Some(Value::Array(list)) if (1..=MOST_RESOLUTIONS).contains(&list.len()) => {
                match list.iter().map(size).collect::<Option<Vec<_>>>() {
                    Some(all) => return Ok(Some(all)),
                    None => "something else in the list".to_owned(),
                }
            }
            Some(other) => describe(other),
        };
        let expected = format!(
            "a list of 1 to {MOST_RESOLUTIONS} pairs of height and width, up to {LONGEST_SIDE} pixels"
        );
        Err(f.invalid(KEY, expected, found))
    }

    /// The refusal of an image processor that chooses from other canvases.
    pub(in crate::families) fn differs(f: &Fields<'_>, found: &[[usize; 2]]) -> WeightsError {
        let list: Vec<String> = found
            .iter()
            .take(8)
            .map(|size| format!("{size:?}"))
            .collect();
        let more = if found.len() > 8 { ", ..." } else { "" };
        f.invalid(
            KEY,
            "the same list as in config.json",
            format!("[{}{more}]", list.join(", ")),
        )
    }
}
