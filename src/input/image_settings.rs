//! The settings of an image processor from its JSON file.

use serde_json::Value;

use super::{error::InputError, image_processor::ImageProcessor, resample::Filter};
use crate::weights::{
    PictureSize, WeightsError,
    config::{
        fields::{Fields, describe},
        picture::ProcessorClass,
    },
};

/// Mean and deviation of the CLIP models' training images.
const CLIP_MEAN: [f64; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f64; 3] = [0.268_629_54, 0.261_302_58, 0.275_777_11];

impl ImageProcessor {
    /// The settings in the object `f` of `file`; absent ones take the defaults of the class.
    pub(super) fn parse(file: &str, f: &Fields<'_>) -> Result<Self, InputError> {
        let class = ProcessorClass::of(f)?;
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
        let mean = match class {
            ProcessorClass::Siglip => [0.5; 3],
            _ => CLIP_MEAN,
        };
        let mean = per_channel(f, "image_mean", mean)?;
        let normalize = if on("do_normalize", true)? {
            let std = match class {
                ProcessorClass::Siglip => [0.5; 3],
                _ => CLIP_STD,
            };
            let std = per_channel(f, "image_std", std)?.map(|x| x as f32);
            if std.contains(&0.0) {
                return Err(f.invalid("image_std", "numbers other than 0", "0").into());
            }
            Some((mean.map(|x| x as f32), std))
        } else {
            None
        };
        Ok(Self {
            file: file.into(),
            size: PictureSize::parse(f, class)?,
            // Cut off, not rounded; `null` stands for no mean.
            background: match f.is_null("image_mean") {
                true => [0; 3],
                false => mean.map(|x| (x * 255.0) as u8),
            },
            resample,
            rescale_factor,
            normalize,
            convert_rgb: on("do_convert_rgb", true)?,
        })
    }
}

/// A number, or one per channel.
fn per_channel(f: &Fields<'_>, key: &str, default: [f64; 3]) -> Result<[f64; 3], WeightsError> {
    let Some(value) = f.value(key) else {
        return Ok(default);
    };
    let number = |value: &Value| {
        value
            .as_f64()
            .filter(|x| (*x as f32).is_finite())
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
