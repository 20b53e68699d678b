//! Images of any size: `Qwen2VLImageProcessor` by its PIL variant in transformers 5. An image is resized
//! to whole blocks of patches, within bounds on its pixels.

use super::super::{
    ConnectorKind, ImagePlan, ImagePlanner, PixelSettings, ProcessorFile, VisionSpec,
    pixels::PixelDefaults,
    plan::{Canvas, Misfit, Picture, Piece, Place, Planned, Step, View},
    processor_file::check_class,
    spec::MOST_PATCHES,
};
use crate::weights::{WeightsError, fields::Fields};

/// Most pixels that a bound may ask for.
const MOST_PIXELS: usize = 1 << 28;
/// The longer side is at most so many times the shorter one.
const MOST_PROPORTION: f64 = 200.0;

/// Names of the image processor; the second was a copy of the first before its release.
const CLASSES: [&str; 2] = ["Qwen2VLImageProcessor", "Qwen2_5_VLImageProcessor"];

/// The planner.
#[derive(Clone, Debug)]
struct AnySize {
    /// Fewest and most pixels after resizing, if images are resized at all.
    resize: Option<[usize; 2]>,
    /// Side of a patch in pixels.
    patch: usize,
    /// Side in patches of a block, which becomes one token.
    block: usize,
}

/// The settings in the file; absent ones take the defaults of the processor's class.
///
/// # Errors
/// A field that is not valid or contradicts the tower, or another class of image processor.
pub(super) fn planned(file: &ProcessorFile, vision: &VisionSpec) -> Result<Planned, WeightsError> {
    let f = &file.image();
    check_class(f, &CLASSES)?;
    let tower = &vision.tower;
    let block = match vision.connector.kind {
        ConnectorKind::PatchMerger { side } => side,
        _ => 1,
    };
    let same = [
        ("patch_size", 14, tower.patch_size),
        ("merge_size", 2, block),
        ("temporal_patch_size", 2, tower.frames.unwrap_or(1)),
    ];
    for (key, default, expected) in same {
        let found = f.count(key, 1..=16384)?.unwrap_or(default);
        if found != expected {
            let expected = format!("{expected}, as in vision_config of config.json");
            return Err(f.invalid(key, expected, found));
        }
    }
    let resize = match f.flag("do_resize")?.unwrap_or(true) {
        true => Some(bounds(f)?),
        false => None,
    };
    Ok(Planned {
        pixels: PixelSettings::parse(file, &PixelDefaults::CLIP)?,
        planner: Box::new(AnySize {
            resize,
            patch: tower.patch_size,
            block,
        }),
    })
}

/// Fewest and most pixels: `min_pixels` and `max_pixels`, or `shortest_edge` and `longest_edge` of
/// `size`, which are no edges here.
fn bounds(f: &Fields<'_>) -> Result<[usize; 2], WeightsError> {
    const KEY: &str = "size";
    let size = f.section(KEY)?;
    let bound = |own: &str, edge: &str, default: usize| {
        if let Some(pixels) = f.count(own, 1..=MOST_PIXELS)? {
            return Ok(pixels);
        }
        match &size {
            None => Ok(default),
            Some(size) => size
                .count(edge, 1..=MOST_PIXELS)?
                .ok_or_else(|| size.invalid(edge, "a number of pixels", "nothing")),
        }
    };
    Ok([
        bound("min_pixels", "shortest_edge", 56 * 56)?,
        bound("max_pixels", "longest_edge", 28 * 28 * 1280)?,
    ])
}

impl AnySize {
    /// Height and width after resizing: the nearest whole blocks, halves to the even number; where
    /// that is more or less than the bounds allow, the whole blocks below or above the bound.
    fn target(&self, [fewest, most]: [usize; 2], height: usize, width: usize) -> [usize; 2] {
        let factor = (self.patch * self.block) as f64;
        let sides = [height as f64, width as f64];
        let whole = |blocks: f64| blocks * factor;
        let near = sides.map(|side| whole((side / factor).round_ties_even()));
        let pixels = sides[0] * sides[1];
        let target = if near[0] * near[1] > most as f64 {
            let beta = (pixels / most as f64).sqrt();
            sides.map(|side| whole((side / beta / factor).floor()).max(factor))
        } else if near[0] * near[1] < fewest as f64 {
            let beta = (fewest as f64 / pixels).sqrt();
            sides.map(|side| whole((side * beta / factor).ceil()))
        } else {
            near
        };
        target.map(|side| side as usize)
    }
}

impl ImagePlanner for AnySize {
    fn plan(&self, height: usize, width: usize) -> Result<ImagePlan, Misfit> {
        let misfit = |expected: String| Misfit {
            expected,
            found: format!("{width} x {height} pixels"),
        };
        let factor = self.patch * self.block;
        let [high, wide] = match self.resize {
            None => [height, width],
            Some(bounds) => {
                let proportion = height.max(width) as f64 / height.min(width) as f64;
                if proportion > MOST_PROPORTION {
                    return Err(misfit("sides of at most 200 to 1".to_owned()));
                }
                self.target(bounds, height, width)
            }
        };
        if !high.is_multiple_of(factor) || !wide.is_multiple_of(factor) {
            let expected = "for the image processor does not resize (do_resize)";
            return Err(misfit(format!(
                "sides of multiples of {factor}, {expected}"
            )));
        }
        let patches = [high / self.patch, wide / self.patch];
        if patches[0].saturating_mul(patches[1]) > MOST_PATCHES {
            return Err(misfit(format!(
                "an image of at most {MOST_PATCHES} patches"
            )));
        }
        let cells = patches.map(|side| side / self.block);
        let tokens = cells[0] * cells[1];
        let resized = self.resize.map(|_| Canvas {
            from: None,
            step: Step::Resize,
            height: high,
            width: wide,
        });
        let place = |cell: usize| Place {
            view: 0,
            cell: Some(cell),
        };
        Ok(ImagePlan {
            pictures: vec![Picture {
                canvas: resized.as_ref().map(|_| 0),
                top: 0,
                left: 0,
                height: high,
                width: wide,
                padded: [high, wide],
                resampled: false,
            }],
            canvases: resized.into_iter().collect(),
            pieces: vec![Piece::Placeholders(tokens)],
            rows: None,
            video: false,
            features: tokens,
            views: vec![View {
                part: None,
                pictures: 0..1,
                patches,
                cells: Some(cells),
                tiles: None,
            }],
            places: (0..tokens).map(place).collect(),
        })
    }
}
