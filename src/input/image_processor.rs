//! RGB images to `pixel_values`, as the PIL image processors of transformers 5 for CLIP, LLaVA and
//! SigLIP: pad to a square, resize, center crop, rescale, normalize.

use super::{
    decode::{MAX_PIXELS, RgbImage},
    error::InputError,
    geometry::{center_crop, square, target},
    resample::{Filter, resize},
};
use crate::weights::{ByteSource, PictureSize, WeightsError, config::picture};

/// Normalized pixels of pictures of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct PixelValues {
    /// How many.
    pub pictures: usize,
    /// 3.
    pub channels: usize,
    /// Pixels.
    pub height: usize,
    /// Pixels.
    pub width: usize,
    /// `[pictures, channels, height, width]`, row-major.
    pub data: Vec<f32>,
}

impl PixelValues {
    /// `[pictures, channels, height, width]`.
    pub fn shape(&self) -> [usize; 4] {
        [self.pictures, self.channels, self.height, self.width]
    }

    /// Adds pictures of the same size behind these.
    pub fn append(&mut self, mut others: Self) {
        self.pictures += others.pictures;
        self.data.append(&mut others.data);
    }

    /// The values of one picture, `[channels, height, width]`; empty where there is none.
    pub fn of_picture(&self, picture: usize) -> &[f32] {
        let size = self.channels * self.height * self.width;
        let start = picture.saturating_mul(size);
        let end = start.saturating_add(size);
        self.data.get(start..end).unwrap_or_default()
    }
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
    /// What it does to the size of an image.
    pub size: PictureSize,
    /// Color around an image that is padded to a square.
    pub background: [u8; 3],
    /// Filter of the resizing.
    pub resample: Filter,
    /// Factor on the 8-bit values, if any.
    pub rescale_factor: Option<f64>,
    /// Mean and standard deviation per channel, if the values are normalized.
    pub normalize: Option<([f32; 3], [f32; 3])>,
    /// Whether a color that the file names as transparent becomes white.
    pub convert_rgb: bool,
}

impl ImageProcessor {
    /// Reads `preprocessor_config.json`, or the `image_processor` of `processor_config.json`.
    ///
    /// # Errors
    /// [`InputError::Config`]: neither file is there, a field is not valid, or the processor is
    /// another than CLIP's, LLaVA's or SigLIP's.
    pub fn open(source: &dyn ByteSource) -> Result<Self, InputError> {
        picture::image_processor(source, Self::parse)?.ok_or_else(|| {
            InputError::Config(WeightsError::MissingFile {
                folder: source.name(),
                expected: picture::PROCESSOR_FILES.join(" or "),
                found: "neither with an image processor".into(),
            })
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
        if self.size.square {
            let side = rgb.height.max(rgb.width);
            check_pixels(name, side, side)?;
            rgb = square(&rgb, self.background);
        }
        if let Some(size) = self.size.resize {
            let (height, width) = target(size, rgb.height, rgb.width);
            check_pixels(name, height, width)?;
            rgb = resize(&rgb, width, height, self.resample);
        }
        if let Some((height, width)) = self.size.crop {
            check_pixels(name, height, width)?;
            rgb = center_crop(&rgb, height, width);
        }
        let pixel_values = self.values(name, &rgb)?;
        Ok(ProcessedImage { pixel_values, rgb })
    }

    /// Undoes rescaling and normalizing: one of the pictures that a model sees, padding included, in
    /// the nearest 8-bit levels.
    pub fn picture(&self, values: &PixelValues, picture: usize) -> RgbImage {
        let plane = values.height * values.width;
        let factor = self.rescale_factor.unwrap_or(1.0);
        let level = |value: f32, channel: usize| {
            let value = match &self.normalize {
                Some((mean, std)) => value * std[channel] + mean[channel],
                None => value,
            };
            // `as` takes what is out of range to the nearest level, and NaN, as of a factor of 0, to 0.
            (f64::from(value) / factor).round() as u8
        };
        let mut data = vec![0; 3 * plane];
        let planes = values.of_picture(picture).chunks_exact(plane.max(1));
        for (channel, plane) in planes.take(3).enumerate() {
            let levels = data.iter_mut().skip(channel).step_by(3);
            for (byte, &value) in levels.zip(plane) {
                *byte = level(value, channel);
            }
        }
        RgbImage {
            width: values.width,
            height: values.height,
            data,
            transparent: None,
        }
    }

    /// Rescales and normalizes, then pads. There are only 256 possible values per channel: the
    /// product is rounded from f64 to f32, then mean and deviation are applied in f32.
    fn values(&self, name: &str, rgb: &RgbImage) -> Result<PixelValues, InputError> {
        let (height, width) = self.size.pad.unwrap_or((rgb.height, rgb.width));
        check_pixels(name, height, width)?;
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
            pictures: 1,
            channels: 3,
            height,
            width,
            data,
        })
    }
}

/// Fails for a picture without pixels, or with more than any image may have.
fn check_pixels(name: &str, height: usize, width: usize) -> Result<(), InputError> {
    if height > 0 && width > 0 && height as u64 * width as u64 <= MAX_PIXELS {
        return Ok(());
    }
    Err(InputError::Image {
        name: name.into(),
        expected: format!("at most {MAX_PIXELS} pixels after padding and resizing"),
        found: format!("{width} x {height}"),
    })
}
