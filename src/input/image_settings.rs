//! The settings of an image processor from its JSON file.

use serde_json::Value;

use super::{
    error::InputError,
    image_processor::{ImageProcessor, Resize},
    resample::Filter,
};
use crate::weights::{
    WeightsError,
    config::fields::{Fields, describe},
};

/// Longest side that a configuration may ask for, in pixels.
const MAX_SIDE: usize = 1 << 13;

/// Mean and deviation of the CLIP models' training images.
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

impl ImageProcessor {
    /// The settings in the object `f` of `file`; absent ones take the defaults of the class.
    pub(super) fn parse(file: &str, f: &Fields<'_>) -> Result<Self, InputError> {
        let key = if f.has("image_processor_type") {
            "image_processor_type"
        } else {
            "feature_extractor_type"
        };
        let name = f.string(key)?.unwrap_or("CLIPImageProcessor");
        let family = name
            .strip_suffix("Fast")
            .or_else(|| name.strip_suffix("Pil"))
            .unwrap_or(name);
        let clip = match family {
            "CLIPImageProcessor" | "CLIPFeatureExtractor" => true,
            "SiglipImageProcessor" => false,
            _ => {
                let supported = "CLIPImageProcessor, SiglipImageProcessor";
                return Err(f.unsupported(key, name, supported).into());
            }
        };
        let on = |key: &str, default: bool| Ok::<_, WeightsError>(f.flag(key)?.unwrap_or(default));
        let resize = if on("do_resize", true)? {
            let default = if clip {
                Resize::ShortestEdge(224)
            } else {
                Resize::Exact {
                    height: 224,
                    width: 224,
                }
            };
            Some(resize_size(f)?.unwrap_or(default))
        } else {
            None
        };
        let resample = match f.value("resample") {
            None => Filter::Bicubic,
            Some(value) => value
                .as_u64()
                .and_then(Filter::from_number)
                .ok_or_else(|| {
                    f.invalid("resample", "a PIL filter's number, 0 to 5", describe(value))
                })?,
        };
        let crop = if on("do_center_crop", clip)? {
            let default = clip.then_some((224, 224));
            Some(height_width(f, "crop_size")?.or(default).ok_or_else(|| {
                f.invalid("crop_size", "a size, for do_center_crop is on", "none")
            })?)
        } else {
            None
        };
        let pad = if on("do_pad", false)? {
            Some(
                height_width(f, "pad_size")?
                    .ok_or_else(|| f.invalid("pad_size", "a size, for do_pad is on", "none"))?,
            )
        } else {
            None
        };
        let rescale_factor = if on("do_rescale", true)? {
            Some(match f.value("rescale_factor") {
                None => 1.0 / 255.0,
                Some(value) => value
                    .as_f64()
                    .filter(|x| x.is_finite())
                    .ok_or_else(|| f.invalid("rescale_factor", "a number", describe(value)))?,
            })
        } else {
            None
        };
        let normalize = if on("do_normalize", true)? {
            let (mean, std) = if clip {
                (CLIP_MEAN, CLIP_STD)
            } else {
                ([0.5; 3], [0.5; 3])
            };
            let std = per_channel(f, "image_std", std)?;
            if std.contains(&0.0) {
                return Err(f.invalid("image_std", "numbers other than 0", "0").into());
            }
            Some((per_channel(f, "image_mean", mean)?, std))
        } else {
            None
        };
        Ok(Self {
            file: file.into(),
            resize,
            resample,
            crop,
            rescale_factor,
            normalize,
            convert_rgb: on("do_convert_rgb", true)?,
            pad,
        })
    }
}

/// `size`: a number (the shortest edge), or an object with edges or height and width.
fn resize_size(f: &Fields<'_>) -> Result<Option<Resize>, WeightsError> {
    const KEY: &str = "size";
    if let Some(Value::Object(_)) = f.value(KEY)
        && let Some(size) = f.section(KEY)?
    {
        let side = |key: &str| size.count(key, 1..=MAX_SIDE);
        let sides = (
            side("height")?,
            side("width")?,
            side("shortest_edge")?,
            side("longest_edge")?,
        );
        return Ok(Some(match sides {
            (_, _, Some(shortest), Some(longest)) => Resize::Edges { shortest, longest },
            (_, _, Some(edge), None) => Resize::ShortestEdge(edge),
            (Some(height), Some(width), _, _) => Resize::Exact { height, width },
            _ => {
                let expected = "height and width, or shortest_edge";
                return Err(f.invalid(KEY, expected, "other keys"));
            }
        }));
    }
    Ok(f.count(KEY, 1..=MAX_SIDE)?.map(Resize::ShortestEdge))
}

/// A number (both sides), or an object with height and width.
fn height_width(f: &Fields<'_>, key: &str) -> Result<Option<(usize, usize)>, WeightsError> {
    if let Some(Value::Object(_)) = f.value(key)
        && let Some(size) = f.section(key)?
    {
        let side = |side: &str| {
            size.count(side, 1..=MAX_SIDE)?
                .ok_or_else(|| size.invalid(side, "a length in pixels", "absent"))
        };
        return Ok(Some((side("height")?, side("width")?)));
    }
    Ok(f.count(key, 1..=MAX_SIDE)?.map(|side| (side, side)))
}

/// A number, or one per channel.
fn per_channel(f: &Fields<'_>, key: &str, default: [f32; 3]) -> Result<[f32; 3], WeightsError> {
    let Some(value) = f.value(key) else {
        return Ok(default);
    };
    let number = |value: &Value| {
        value
            .as_f64()
            .map(|x| x as f32)
            .filter(|x| x.is_finite())
            .ok_or_else(|| f.invalid(key, "numbers, one per channel", describe(value)))
    };
    match value {
        Value::Array(list) => match list.as_slice() {
            [r, g, b] => Ok([number(r)?, number(g)?, number(b)?]),
            _ => Err(f.invalid(key, "3 numbers", describe(value))),
        },
        other => Ok([number(other)?; 3]),
    }
}
