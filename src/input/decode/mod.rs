//! Image files to RGB, as PIL with `load_image` of transformers does it, bit for bit.
//!
//! The orientation that EXIF or XMP name is applied; alpha is dropped, not blended; palettes and gray
//! become RGB. Like PIL, an image whose file names one color as transparent keeps that color's name:
//! an image processor that converts to RGB then paints it white.

mod animation;
mod bmp;
mod exif;
mod gif;
mod jpeg;
mod jpeg_markers;
mod png;
mod still;
mod webp;

use image::{DynamicImage, ImageFormat, metadata::Orientation};

use super::error::InputError;
pub use animation::{decode_frames, evenly, frame_count};

/// Largest image decoded, in pixels.
pub const MAX_PIXELS: u64 = 100_000_000;

/// Memory that a decoder may take, in bytes.
const MAX_ALLOCATION: u64 = 1 << 30;

/// An image of 8-bit RGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RgbImage {
    /// Pixels from left to right.
    pub width: usize,
    /// Pixels from top to bottom.
    pub height: usize,
    /// `height * width * 3` bytes, row by row.
    pub data: Vec<u8>,
    /// The color that the file names as transparent, where it names a single one.
    pub transparent: Option<[u8; 3]>,
}

/// What a file holds: the image as it is stored, and what says how to turn it.
struct Stored {
    image: RgbImage,
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    /// Whether 16 bits per channel were scaled to 8.
    scaled: bool,
}

impl Stored {
    /// An image of 8 bits per channel without a word on its orientation.
    fn plain(image: RgbImage) -> Self {
        Self {
            image,
            exif: None,
            xmp: None,
            scaled: false,
        }
    }
}

/// Why bytes are no image that can be used.
struct Refused {
    expected: String,
    found: String,
}

impl Refused {
    fn new(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// The same of the image called `name`.
    fn of(self, name: &str) -> InputError {
        InputError::Image {
            name: name.into(),
            expected: self.expected,
            found: self.found,
        }
    }

    /// Bytes that a decoder stumbles over.
    fn broken(error: impl std::fmt::Display) -> Self {
        Self::new("an image that decodes", format!("an error ({error})"))
    }

    /// Fails for a size without pixels, or with more than any image may have.
    fn check_size(width: usize, height: usize) -> Result<(), Self> {
        let found = || format!("{width} x {height}");
        match width as u64 * height as u64 {
            0 => Err(Self::new("at least one pixel", found())),
            1..=MAX_PIXELS => Ok(()),
            _ => Err(Self::new(format!("at most {MAX_PIXELS} pixels"), found())),
        }
    }
}

/// Decodes a PNG, JPEG, WebP, GIF or BMP file called `name`, the first frame of an animation. The
/// second value are notes for the reader of a report.
///
/// # Errors
/// [`InputError::Image`] where the bytes are no such image, are damaged, end early, or say that they
/// hold more than [`MAX_PIXELS`]; nothing of that size is allocated.
pub fn decode_image(name: &str, bytes: &[u8]) -> Result<(RgbImage, Vec<String>), InputError> {
    let stored = stored(bytes).map_err(|refused| refused.of(name))?;
    let mut notes = Vec::new();
    if stored.scaled {
        notes.push(format!("{name}: 16 bits per channel were scaled to 8"));
    }
    let orientation = exif::orientation(stored.exif.as_deref(), stored.xmp.as_deref());
    Ok((turned(stored.image, orientation), notes))
}

fn stored(bytes: &[u8]) -> Result<Stored, Refused> {
    const KINDS: &str = "a PNG, JPEG, WebP, GIF or BMP image";
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => jpeg::decode(bytes),
        Ok(ImageFormat::Gif) => gif::decode(bytes),
        Ok(ImageFormat::WebP) => webp::decode(bytes),
        Ok(ImageFormat::Png) => png::decode(bytes),
        Ok(ImageFormat::Bmp) => bmp::decode(bytes),
        Ok(other) => Err(Refused::new(
            KINDS,
            format!("a file of the format {other:?}"),
        )),
        Err(_) => Err(Refused::new(KINDS, "bytes of no known format")),
    }
}

/// The image upright, by its orientation as EXIF numbers it, 1 to 8.
fn turned(image: RgbImage, orientation: u8) -> RgbImage {
    let transparent = image.transparent;
    let turn = match Orientation::from_exif(orientation) {
        None | Some(Orientation::NoTransforms) => return image,
        Some(turn) => turn,
    };
    let size = (image.width as u32, image.height as u32);
    let buffer = image::RgbImage::from_raw(size.0, size.1, image.data).unwrap_or_default();
    let mut buffer = DynamicImage::ImageRgb8(buffer);
    buffer.apply_orientation(turn);
    RgbImage {
        width: buffer.width() as usize,
        height: buffer.height() as usize,
        data: buffer.into_bytes(),
        transparent,
    }
}
