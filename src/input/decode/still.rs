//! Single images by the decoders of `image`.

use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::{MAX_ALLOCATION, Refused, RgbImage, Stored};

/// The one image in `bytes`, which are of the format `format`. Of 16 bits per channel the upper byte
/// is kept.
pub(super) fn decode(bytes: &[u8], format: ImageFormat) -> Result<Stored, Refused> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_ALLOCATION);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(Refused::broken)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    Refused::check_size(width, height)?;
    if decoder.total_bytes() > MAX_ALLOCATION {
        let found = format!("{width} x {height} of {:?}", decoder.color_type());
        return Err(Refused::new(
            format!("at most {MAX_ALLOCATION} bytes of pixels"),
            found,
        ));
    }
    let image = DynamicImage::from_decoder(decoder).map_err(Refused::broken)?;
    let scaled = matches!(
        image,
        DynamicImage::ImageLuma16(_)
            | DynamicImage::ImageLumaA16(_)
            | DynamicImage::ImageRgb16(_)
            | DynamicImage::ImageRgba16(_)
    );
    let data =
        to_rgb(image).ok_or_else(|| Refused::new("8 or 16 bits per channel", "floating point"))?;
    Ok(Stored {
        scaled,
        ..Stored::plain(RgbImage {
            width,
            height,
            data,
            transparent: None,
        })
    })
}

/// Drops alpha, repeats gray, keeps the upper byte of 16 bits.
fn to_rgb(image: DynamicImage) -> Option<Vec<u8>> {
    let high = |v: &u16| (v >> 8) as u8;
    Some(match image {
        DynamicImage::ImageRgb8(buffer) => buffer.into_raw(),
        DynamicImage::ImageRgba8(buffer) => buffer
            .pixels()
            .flat_map(|p| [p.0[0], p.0[1], p.0[2]])
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
