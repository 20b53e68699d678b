//! Margins and crops of images.

use super::decode::RgbImage;

/// The image in the middle of `height` x `width` pixels, which are no fewer than its own, `background`
/// around it; of an odd difference the extra line is below or right of it.
pub(super) fn surround(
    image: &RgbImage,
    height: usize,
    width: usize,
    background: [u8; 3],
) -> RgbImage {
    let top = height.saturating_sub(image.height) / 2;
    let left = width.saturating_sub(image.width) / 2;
    let mut data = background.repeat(height * width);
    let rows = image.data.chunks_exact((3 * image.width).max(1));
    for (y, row) in rows.enumerate() {
        let start = 3 * ((top + y) * width + left);
        if let Some(place) = data.get_mut(start..start + row.len()) {
            place.copy_from_slice(row);
        }
    }
    RgbImage {
        width,
        height,
        data,
        transparent: None,
    }
}

/// The middle `height` x `width` pixels, with black around an image that is smaller.
pub(super) fn center_crop(image: &RgbImage, height: usize, width: usize) -> RgbImage {
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

/// The part of an image that begins at row `top` and column `left`, within its bounds.
pub(super) fn part(
    image: &RgbImage,
    [top, left]: [usize; 2],
    height: usize,
    width: usize,
) -> RgbImage {
    let mut data = Vec::with_capacity(3 * height * width);
    for y in top..top + height {
        let start = 3 * (y * image.width + left);
        data.extend(image.data.get(start..start + 3 * width).unwrap_or_default());
    }
    RgbImage {
        width,
        height,
        data,
        transparent: None,
    }
}
