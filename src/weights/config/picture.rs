//! Sizes of pictures as an image processor's file gives them.

use serde_json::Value;

use super::fields::{Fields, parse_object};
use crate::weights::{
    error::WeightsError,
    source::{ByteSource, read_text},
};

pub(crate) const MAX_JSON: u64 = 16 << 20;

/// Longest side that a configuration may ask for, in pixels.
const MAX_SIDE: usize = 1 << 13;

/// The files that may hold an image processor's settings, in the order in which they are read.
pub(crate) const PROCESSOR_FILES: [&str; 2] = ["processor_config.json", "preprocessor_config.json"];

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

/// What an image processor does to the size of an image: made square, resize, crop, pad, in this
/// order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    /// Whether the image is first padded to a square, itself in the middle.
    pub square: bool,
    /// Size to resize to, if at all.
    pub resize: Option<Resize>,
    /// Height and width of the part kept from the center, if any.
    pub crop: Option<(usize, usize)>,
    /// Height and width to pad to with zeros at the right and the bottom, if any.
    pub pad: Option<(usize, usize)>,
}

impl PictureSize {
    /// The settings in the object `f`; absent ones take the defaults of the processor's class.
    pub(crate) fn parse(f: &Fields<'_>, class: ProcessorClass) -> Result<Self, WeightsError> {
        let clip = class != ProcessorClass::Siglip;
        let on = |key: &str, default: bool| Ok::<_, WeightsError>(f.flag(key)?.unwrap_or(default));
        let resize = if on("do_resize", true)? {
            let default = match clip {
                true => Resize::ShortestEdge(224),
                false => Resize::Exact {
                    height: 224,
                    width: 224,
                },
            };
            Some(resize_size(f)?.unwrap_or(default))
        } else {
            None
        };
        let crop = if on("do_center_crop", clip)? {
            let default = clip.then_some((224, 224));
            Some(height_width(f, "crop_size")?.or(default).ok_or_else(|| {
                f.invalid("crop_size", "a size, for do_center_crop is on", "none")
            })?)
        } else {
            None
        };
        let do_pad = on("do_pad", false)?;
        let llava = class == ProcessorClass::Llava;
        // Without a size the largest picture of a batch gives it, and here a batch is one picture.
        let pad = match do_pad && !llava {
            true => height_width(f, "pad_size")?,
            false => None,
        };
        Ok(Self {
            square: do_pad && llava,
            resize,
            crop,
            pad,
        })
    }

    /// Height and width of every picture, where they do not depend on the image.
    pub fn fixed(&self) -> Option<(usize, usize)> {
        let resized = match self.resize {
            Some(Resize::Exact { height, width }) => Some((height, width)),
            Some(Resize::ShortestEdge(side)) if self.square => Some((side, side)),
            _ => None,
        };
        self.pad.or(self.crop).or(resized)
    }

    /// The same for pictures `times` as high and wide.
    #[must_use]
    pub fn enlarged(&self, times: usize) -> Self {
        let both = |(height, width): (usize, usize)| (times * height, times * width);
        Self {
            square: self.square,
            resize: self.resize.map(|resize| match resize {
                Resize::Exact { height, width } => Resize::Exact {
                    height: times * height,
                    width: times * width,
                },
                Resize::ShortestEdge(edge) => Resize::ShortestEdge(times * edge),
                Resize::Edges { shortest, longest } => Resize::Edges {
                    shortest: times * shortest,
                    longest: times * longest,
                },
            }),
            crop: self.crop.map(both),
            pad: self.pad.map(both),
        }
    }
}

/// The class of an image processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProcessorClass {
    /// CLIP's: the shortest edge to a length, the middle kept.
    Clip,
    /// LLaVA's: CLIP's, but `do_pad` makes the image square first.
    Llava,
    /// SigLIP's: to a fixed size.
    Siglip,
}

impl ProcessorClass {
    /// The class that the object `f` names; CLIP's where it names none.
    ///
    /// # Errors
    /// [`WeightsError::Unsupported`] where it is another.
    pub(crate) fn of(f: &Fields<'_>) -> Result<Self, WeightsError> {
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
        match family {
            "CLIPImageProcessor" | "CLIPFeatureExtractor" => Ok(Self::Clip),
            "LlavaImageProcessor" => Ok(Self::Llava),
            "SiglipImageProcessor" => Ok(Self::Siglip),
            _ => {
                let supported = "CLIPImageProcessor, LlavaImageProcessor, SiglipImageProcessor";
                Err(f.unsupported(key, name, supported))
            }
        }
    }
}

/// What `parse` makes of a checkpoint's image processor, with the file that holds it; none where
/// there is none.
///
/// # Errors
/// A file is no JSON, and the errors of `parse`.
pub(crate) fn image_processor<T, E: From<WeightsError>>(
    source: &dyn ByteSource,
    parse: impl FnOnce(&str, &Fields<'_>) -> Result<T, E>,
) -> Result<Option<T>, E> {
    for file in PROCESSOR_FILES {
        let Some(text) = read_text(source, file, MAX_JSON).map_err(WeightsError::from)? else {
            continue;
        };
        let map = parse_object(file, &text)?;
        let root = Fields::new(file, "", &map);
        if file == "preprocessor_config.json" {
            return parse(file, &root).map(Some);
        }
        // Without a nested processor this file only holds the text side's settings.
        if let Some(nested) = root.section("image_processor")? {
            return parse(file, &nested).map(Some);
        }
    }
    Ok(None)
}

/// Side of the square pictures that a checkpoint's image processor makes, where there is one and
/// they are all square and alike.
///
/// # Errors
/// The processor's file cannot be read or is not valid.
pub(crate) fn side(source: &dyn ByteSource) -> Result<Option<usize>, WeightsError> {
    let size = image_processor(source, |_, f| PictureSize::parse(f, ProcessorClass::of(f)?))?;
    let fixed = size.and_then(|size| size.fixed());
    Ok(fixed.and_then(|(height, width)| (height == width).then_some(height)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Map;

    fn parse(text: &str) -> PictureSize {
        let map: Map<String, Value> = serde_json::from_str(text).unwrap();
        let fields = Fields::new("p.json", "", &map);
        PictureSize::parse(&fields, ProcessorClass::of(&fields).unwrap()).unwrap()
    }

    #[test]
    fn only_a_last_step_of_fixed_size_fixes_the_size() {
        assert_eq!(parse("{}").fixed(), Some((224, 224)));
        let free = parse(r#"{"do_center_crop": false, "size": 30}"#);
        assert_eq!(free.fixed(), None);
        let siglip = r#"{"image_processor_type": "SiglipImageProcessor", "size": {"height": 30, "width": 26}}"#;
        assert_eq!(parse(siglip).fixed(), Some((30, 26)));
        let padded = r#"{"crop_size": 20, "do_pad": true, "pad_size": 24}"#;
        assert_eq!(parse(padded).fixed(), Some((24, 24)));
        let square = r#"{"image_processor_type": "LlavaImageProcessor", "do_pad": true, "size": 30,
            "do_center_crop": false}"#;
        assert_eq!(parse(square).fixed(), Some((30, 30)));
    }

    #[test]
    fn an_enlarged_size_is_enlarged_in_every_step() {
        let size = parse(r#"{"size": 20, "crop_size": {"height": 18, "width": 16}}"#).enlarged(3);
        assert_eq!(size.resize, Some(Resize::ShortestEdge(60)));
        assert_eq!((size.crop, size.pad), (Some((54, 48)), None));
    }
}
