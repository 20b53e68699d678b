//! RGB images to `pixel_values`, as the PIL image processors of transformers 5 for CLIP and
//! SigLIP: resize, center crop, rescale, normalize.

use serde_json::{Map, Value};

use super::{
    decode::{MAX_PIXELS, RgbImage},
    error::InputError,
    resample::{Filter, resize},
};
use crate::weights::{
    ByteSource, WeightsError, config::fields::Fields, config::fields::describe, read_text,
};

/// Longest side that a configuration may ask for, in pixels.
const MAX_SIDE: usize = 1 << 13;
const MAX_JSON: u64 = 16 << 20;

/// The size that an image is resized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// To exactly this size, whatever the image's proportions.
    Exact {
        /// Pixels.
        height: usize,
        /// Pixels.
        width: usize,
    },
    /// The shorter side to this length, proportions kept.
    ShortestEdge(usize),
    /// As [`Resize::ShortestEdge`], unless the longer side would exceed `longest`.
    Edges {
        /// Length of the shorter side.
        shortest: usize,
        /// Upper limit of the longer side.
        longest: usize,
    },
}

/// Normalized pixels of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelValues {
    /// 3.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// `[channels, height, width]`, row-major.
    pub data: Vec<f32>,
}

/// What an image processor makes of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct ProcessedImage {
    /// The model's input.
    pub pixel_values: PixelValues,
    /// The same picture before rescaling and normalizing: what the model sees.
    pub rgb: RgbImage,
}

/// An image processor's settings.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageProcessor {
    /// The file that they come from.
    pub file: String,
    /// Size to resize to, if at all.
    pub resize: Option<Resize>,
    /// Filter of the resizing.
    pub resample: Filter,
    /// Height and width of the part kept from the center, if any.
    pub crop: Option<(usize, usize)>,
    /// Factor on the 8-bit values, if any.
    pub rescale_factor: Option<f64>,
    /// Mean and standard deviation per channel, if the values are normalized.
    pub normalize: Option<([f32; 3], [f32; 3])>,
    /// Whether a color that the file names as transparent becomes white.
    pub convert_rgb: bool,
    /// Height and width to pad to with zeros at the right and the bottom, if any.
    pub pad: Option<(usize, usize)>,
}

/// Mean and deviation of the CLIP models' training images.
const CLIP_MEAN: [f32; 3] = [0.481_454_66, 0.457_827_5, 0.408_210_73];
const CLIP_STD: [f32; 3] = [0.268_629_54, 0.261_302_6, 0.275_777_1];

impl ImageProcessor {
    /// Reads `preprocessor_config.json`, or the `image_processor` of `processor_config.json`.
    ///
    /// # Errors
    /// [`InputError::Config`]: neither file is there, a field is not valid, or the processor is
    /// another than CLIP's or SigLIP's.
    pub fn open(source: &dyn ByteSource) -> Result<Self, InputError> {
        const FILES: [&str; 2] = ["processor_config.json", "preprocessor_config.json"];
        for file in FILES {
            let Some(text) = read_text(source, file, MAX_JSON)? else {
                continue;
            };
            let map: Map<String, Value> =
                serde_json::from_str(&text).map_err(|error| WeightsError::Json {
                    file: file.into(),
                    reason: error.to_string(),
                })?;
            let root = Fields::new(file, "", &map);
            if file == "preprocessor_config.json" {
                return Self::parse(file, &root);
            }
            // Without a nested processor this file only holds the text side's settings.
            if let Some(nested) = root.section("image_processor")? {
                return Self::parse(file, &nested);
            }
        }
        Err(InputError::Config(WeightsError::MissingFile {
            folder: source.name(),
            expected: FILES.join(" or "),
            found: "neither with an image processor".into(),
        }))
    }

    fn parse(file: &str, f: &Fields<'_>) -> Result<Self, InputError> {
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

    /// Processes the image called `name`.
    ///
    /// # Errors
    /// [`InputError::Image`] where the resized image would be too large, as for one that is a
    /// thousand times wider than high, or too large to be padded.
    pub fn process(&self, name: &str, image: &RgbImage) -> Result<ProcessedImage, InputError> {
        let mut rgb = image.clone();
        if let (true, Some(key)) = (self.convert_rgb, rgb.transparent.take()) {
            let (pixels, _) = rgb.data.as_chunks_mut::<3>();
            pixels
                .iter_mut()
                .filter(|p| **p == key)
                .for_each(|p| *p = [255; 3]);
        }
        if let Some(size) = self.resize {
            let (height, width) = target(size, rgb.height, rgb.width);
            if height == 0 || width == 0 || height as u64 * width as u64 > MAX_PIXELS {
                return Err(InputError::Image {
                    name: name.into(),
                    expected: format!("at most {MAX_PIXELS} pixels after resizing"),
                    found: format!("{width} x {height}"),
                });
            }
            rgb = resize(&rgb, width, height, self.resample);
        }
        if let Some((height, width)) = self.crop {
            rgb = center_crop(&rgb, height, width);
        }
        let pixel_values = self.values(name, &rgb)?;
        Ok(ProcessedImage { pixel_values, rgb })
    }

    /// Rescales and normalizes, then pads. There are only 256 possible values per channel: the
    /// product is rounded from f64 to f32, then mean and deviation are applied in f32.
    fn values(&self, name: &str, rgb: &RgbImage) -> Result<PixelValues, InputError> {
        let (height, width) = self.pad.unwrap_or((rgb.height, rgb.width));
        if height < rgb.height || width < rgb.width {
            return Err(InputError::Image {
                name: name.into(),
                expected: format!("at most pad_size = {width} x {height} pixels"),
                found: format!("{} x {}", rgb.width, rgb.height),
            });
        }
        let table = |channel: usize| -> [f32; 256] {
            std::array::from_fn(|byte| {
                let value = match self.rescale_factor {
                    Some(factor) => (byte as f64 * factor) as f32,
                    None => byte as f32,
                };
                match &self.normalize {
                    Some((mean, std)) => (value - mean[channel]) / std[channel],
                    None => value,
                }
            })
        };
        let mut data = vec![0.0; 3 * height * width];
        for (channel, plane) in data.chunks_exact_mut(height * width).enumerate() {
            let table = table(channel);
            let rows = rgb.data.chunks_exact(rgb.width * 3);
            for (row, out) in rows.zip(plane.chunks_exact_mut(width)) {
                for (pixel, value) in row.chunks_exact(3).zip(out) {
                    *value = table[usize::from(pixel[channel])];
                }
            }
        }
        Ok(PixelValues {
            channels: 3,
            height,
            width,
            data,
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

/// Height and width after resizing an image of `height` x `width`.
fn target(size: Resize, height: usize, width: usize) -> (usize, usize) {
    // The quotient of exact integers, rounded once, then cut off.
    let scaled = |edge: usize, long: usize, short: usize| {
        ((edge as u64 * long as u64) as f64 / short as f64) as usize
    };
    match size {
        Resize::Exact { height, width } => (height, width),
        Resize::ShortestEdge(edge) if width <= height => (scaled(edge, height, width), edge),
        Resize::ShortestEdge(edge) => (edge, scaled(edge, width, height)),
        Resize::Edges { shortest, longest } => {
            let (short, long) = (height.min(width) as f64, height.max(width) as f64);
            let limited = (long / short * shortest as f64 > longest as f64)
                .then(|| longest as f64 * short / long);
            let edge = limited.map_or(shortest, |raw| raw.round_ties_even() as usize);
            let other = |long: usize, short: usize| match limited {
                Some(raw) => (raw * long as f64 / short as f64) as usize,
                None => scaled(edge, long, short),
            };
            if height.min(width) == edge {
                (height, width)
            } else if width < height {
                (other(height, width), edge)
            } else {
                (edge, other(width, height))
            }
        }
    }
}

/// The middle `height` x `width` pixels, with black around an image that is smaller.
fn center_crop(image: &RgbImage, height: usize, width: usize) -> RgbImage {
    // Offset of the crop in the image: floor of half the difference, also where it is negative.
    let offset = |from: usize, to: usize| (from as i64 - to as i64).div_euclid(2);
    let mut top = offset(image.height, height);
    let mut left = offset(image.width, width);
    let outside = top < 0
        || left < 0
        || top + height as i64 > image.height as i64
        || left + width as i64 > image.width as i64;
    if outside {
        // The reference pads the image to the larger of both sizes first, with the extra row of an
        // odd difference before it, and shifts the crop by as much: where one side is larger and
        // the other smaller, both roundings matter.
        let pad = |from: usize, to: usize| (to.max(from) - from).div_ceil(2) as i64;
        let (pad_top, pad_left) = (pad(image.height, height), pad(image.width, width));
        top = (top + pad_top).max(0) - pad_top;
        left = (left + pad_left).max(0) - pad_left;
    }
    let mut data = vec![0; height * width * 3];
    for (y, row) in data.chunks_exact_mut(width * 3).enumerate() {
        let Ok(source_y) = usize::try_from(top + y as i64) else {
            continue;
        };
        if source_y >= image.height {
            continue;
        }
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            if let Ok(source_x) = usize::try_from(left + x as i64)
                && source_x < image.width
            {
                let start = (source_y * image.width + source_x) * 3;
                pixel.copy_from_slice(&image.data[start..start + 3]);
            }
        }
    }
    RgbImage {
        width,
        height,
        data,
        transparent: None,
    }
}
