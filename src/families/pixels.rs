//! What an image processor does to the pixels of every picture: filter, scale, mean and deviation.

use serde_json::Value;

use super::ProcessorFile;
use crate::weights::{
    WeightsError,
    fields::{Fields, describe},
};

/// A resampling filter, numbered as `PIL.Image.Resampling`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Filter {
    /// The pixel under the center (0).
    Nearest,
    /// Sinc windowed by a wider sinc, 3 pixels each way (1).
    Lanczos,
    /// A triangle, 1 pixel each way (2).
    Bilinear,
    /// Cubic convolution with a = -1/2, 2 pixels each way (3).
    Bicubic,
    /// The mean under the pixel (4).
    Box,
    /// A raised cosine, 1 pixel each way (5).
    Hamming,
}

impl Filter {
    /// The filter of this number.
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::Nearest,
            1 => Self::Lanczos,
            2 => Self::Bilinear,
            3 => Self::Bicubic,
            4 => Self::Box,
            5 => Self::Hamming,
            _ => return None,
        })
    }
}

/// What is done to the pixels of a picture besides changing its size.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelSettings {
    /// Filter of the resizing.
    pub resample: Filter,
    /// Factor on the 8-bit values, if any.
    pub rescale_factor: Option<f64>,
    /// Mean and standard deviation per channel, if the values are normalized.
    pub normalize: Option<([f32; 3], [f32; 3])>,
    /// Whether a color that the file names as transparent becomes white.
    pub convert_rgb: bool,
    /// Color around an image that is surrounded: the mean.
    pub background: [u8; 3],
}

/// What a class of image processors takes for absent keys.
pub(super) struct PixelDefaults {
    pub(super) resample: Filter,
    pub(super) mean: [f64; 3],
    pub(super) std: [f64; 3],
}

impl PixelDefaults {
    /// Mean and deviation of the CLIP models' training images.
    pub(super) const CLIP: Self = Self {
        resample: Filter::Bicubic,
        mean: [0.481_454_66, 0.457_827_5, 0.408_210_73],
        std: [0.268_629_54, 0.261_302_58, 0.275_777_11],
    };
    /// One half each.
    pub(super) const HALF: Self = Self {
        resample: Filter::Bicubic,
        mean: [0.5; 3],
        std: [0.5; 3],
    };
}

impl PixelSettings {
    /// The settings in the file; absent ones take the defaults of the class.
    ///
    /// # Errors
    /// [`WeightsError::Field`].
    pub(super) fn parse(
        file: &ProcessorFile,
        defaults: &PixelDefaults,
    ) -> Result<Self, WeightsError> {
        let f = &file.image();
        let on = |key: &str| Ok::<_, WeightsError>(f.flag(key)?.unwrap_or(true));
        let resample = match f.value("resample") {
            None => defaults.resample,
            Some(value) => value
                .as_u64()
                .and_then(Filter::from_number)
                .ok_or_else(|| {
                    f.invalid("resample", "a PIL filter's number, 0 to 5", describe(value))
                })?,
        };
        let rescale_factor = if on("do_rescale")? {
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
        let mean = per_channel(f, "image_mean", defaults.mean)?;
        let normalize = if on("do_normalize")? {
            let std = per_channel(f, "image_std", defaults.std)?.map(|x| x as f32);
            if std.contains(&0.0) {
                return Err(f.invalid("image_std", "numbers other than 0", "0"));
            }
            Some((mean.map(|x| x as f32), std))
        } else {
            None
        };
        Ok(Self {
            // Cut off, not rounded; `null` stands for no mean.
            background: match f.is_null("image_mean") {
                true => [0; 3],
                false => mean.map(|x| (x * 255.0) as u8),
            },
            resample,
            rescale_factor,
            normalize,
            convert_rgb: on("do_convert_rgb")?,
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
