//! The settings of an image processor from its JSON file.

use serde_json::Value;

use super::{error::InputError, image_processor::ImageProcessor, resample::Filter};
use crate::weights::{
    PictureSize, WeightsError,
    config::{
        fields::{Fields, describe},
        picture::is_clip,
    },
};

/// Mean and deviation of the CLIP models' training images.
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

impl ImageProcessor {
    /// The settings in the object `f` of `file`; absent ones take the defaults of the class.
    pub(super) fn parse(file: &str, f: &Fields<'_>) -> Result<Self, InputError> {
        let clip = is_clip(f)?;
        let on = |key: &str, default: bool| Ok::<_, WeightsError>(f.flag(key)?.unwrap_or(default));
        let resample = match f.value("resample") {
            None => Filter::Bicubic,
            Some(value) => value
                .as_u64()
                .and_then(Filter::from_number)
                .ok_or_else(|| {
                    f.invalid("resample", "a PIL filter's number, 0 to 5", describe(value))
                })?,
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
            size: PictureSize::parse(f, clip)?,
            resample,
            rescale_factor,
            normalize,
            convert_rgb: on("do_convert_rgb", true)?,
        })
    }
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
