//! Image files to RGB, as PIL with `load_image` of transformers does it.
//!
//! EXIF orientation is applied; alpha is dropped, not blended; palettes and gray become RGB. Like
//! PIL, an image whose file names one color as transparent keeps that color's name: an image
//! processor that converts to RGB then paints it white. PNG and BMP are exact. JPEG and lossy WebP
//! differ by a few levels, for decoders do.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{error::InputError, png_key};

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

/// Decodes a PNG, JPEG, WebP, GIF (first frame) or BMP file called `name`. The second value are
/// notes for the reader of a report.
///
/// # Errors
/// [`InputError::Image`] where the bytes are no such image, are damaged, or say that they hold
/// more than [`MAX_PIXELS`]; nothing of that size is allocated.
pub fn decode_image(name: &str, bytes: &[u8]) -> Result<(RgbImage, Vec<String>), InputError> {
    let bad = |expected: &str, found: String| InputError::Image {
        name: name.into(),
        expected: expected.into(),
        found,
    };
    let broken =
        |error: image::ImageError| bad("an image that decodes", format!("an error ({error})"));
    let mut reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .map_err(|error| bad("a readable image", error.to_string()))?;
    let Some(format) = reader.format() else {
        return Err(bad(
            "a PNG, JPEG, WebP, GIF or BMP image",
            "bytes of no known format".into(),
        ));
    };
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_ALLOCATION);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > MAX_PIXELS || decoder.total_bytes() > MAX_ALLOCATION {
        return Err(bad(
            &format!("at most {MAX_PIXELS} pixels"),
            format!("{width} x {height}"),
        ));
    }
    if pixels == 0 {
        return Err(bad("at least one pixel", format!("{width} x {height}")));
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    let mut notes = Vec::new();
    if matches!(
        image,
        DynamicImage::ImageLuma16(_)
            | DynamicImage::ImageLumaA16(_)
            | DynamicImage::ImageRgb16(_)
            | DynamicImage::ImageRgba16(_)
    ) {
        notes.push(format!("{name}: 16 bits per channel were scaled to 8"));
    }
    let (width, height) = (image.width() as usize, image.height() as usize);
    let data = to_rgb(image, format == ImageFormat::Gif)
        .ok_or_else(|| bad("8 or 16 bits per channel", "floating point".into()))?;
    let transparent = match format {
        ImageFormat::Png => png_key::transparent_color(bytes),
        _ => None,
    };
    let image = RgbImage {
        width,
        height,
        data,
        transparent,
    };
    Ok((image, notes))
}

/// Drops alpha, repeats gray, keeps the upper byte of 16 bits. A GIF's clear pixels, whose color
/// the decoder does not tell, become white, as an image processor would paint them.
fn to_rgb(image: DynamicImage, clear_is_white: bool) -> Option<Vec<u8>> {
    let high = |v: &u16| (v >> 8) as u8;
    Some(match image {
        DynamicImage::ImageRgb8(buffer) => buffer.into_raw(),
        DynamicImage::ImageRgba8(buffer) => buffer
            .pixels()
            .flat_map(|p| match p.0 {
                [_, _, _, 0] if clear_is_white => [255; 3],
                [r, g, b, _] => [r, g, b],
            })
            .collect(),
        DynamicImage::ImageLuma8(buffer) => buffer.pixels().flat_map(|p| [p.0[0]; 3]).collect(),
        DynamicImage::ImageLumaA8(buffer) => buffer.pixels().flat_map(|p| [p.0[0]; 3]).collect(),
        DynamicImage::ImageRgb16(buffer) => buffer.as_raw().iter().map(high).collect(),
        DynamicImage::ImageRgba16(buffer) => buffer
            .pixels()
            .flat_map(|p| [high(&p.0[0]), high(&p.0[1]), high(&p.0[2])])
            .collect(),
        DynamicImage::ImageLuma16(buffer) => {
            buffer.pixels().flat_map(|p| [high(&p.0[0]); 3]).collect()
        }
        DynamicImage::ImageLumaA16(buffer) => {
            buffer.pixels().flat_map(|p| [high(&p.0[0]); 3]).collect()
        }
        _ => return None,
    })
}
