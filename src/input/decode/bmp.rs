//! BMP files, with Pillow's levels for 5 and 6 bits per channel.

use image::ImageFormat;

use super::{Refused, Stored, still};

pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Refused> {
    let mut stored = still::decode(bytes, ImageFormat::Bmp)?;
    if let Some(most) = most_levels(bytes) {
        let (pixels, _) = stored.image.data.as_chunks_mut::<3>();
        for (level, most) in pixels
            .iter_mut()
            .flat_map(|pixel| pixel.iter_mut().zip(most))
        {
            // The decoder rounds to the nearest of 256 levels, Pillow cuts off.
            let number = (u32::from(*level) * most + 127) / 255;
            *level = (number * 255 / most) as u8;
        }
    }
    Ok(stored)
}

/// The largest number of each channel in an image of 16 bits per pixel.
fn most_levels(bmp: &[u8]) -> Option<[u32; 3]> {
    const MASKS: u32 = 3;
    let u32_at = |at: usize| {
        let bytes = bmp.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*bytes))
    };
    let (header, planes_and_bits) = (u32_at(14)?, u32_at(26)?);
    if header < 40 || planes_and_bits >> 16 != 16 {
        return None;
    }
    let six_bits = u32_at(30)? == MASKS && u32_at(58)?.count_ones() == 6;
    Some([31, if six_bits { 63 } else { 31 }, 31])
}
