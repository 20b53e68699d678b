//! Sizes and crops of images.

use super::decode::RgbImage;
use crate::weights::Resize;

/// Height and width after resizing an image of `height` x `width`.
pub(super) fn target(size: Resize, height: usize, width: usize) -> (usize, usize) {
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

/// The image in the middle of a square of its longer side, `background` around it; of an odd
/// difference the extra line is below or right of it.
pub(super) fn square(image: &RgbImage, background: [u8; 3]) -> RgbImage {
    let side = image.height.max(image.width);
    let (top, left) = ((side - image.height) / 2, (side - image.width) / 2);
    let mut data = background.repeat(side * side);
    let rows = image.data.chunks_exact((3 * image.width).max(1));
    for (y, row) in rows.enumerate() {
        let start = 3 * ((top + y) * side + left);
        data[start..start + row.len()].copy_from_slice(row);
    }
    RgbImage {
        width: side,
        height: side,
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
