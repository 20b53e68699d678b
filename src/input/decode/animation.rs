//! Frames of animated GIF and WebP files, each as a viewer shows it: drawn over the ones before it.

use std::io::Cursor;

use image::{AnimationDecoder, ImageDecoder, ImageFormat, Limits, codecs::webp::WebPDecoder};

use super::{MAX_ALLOCATION, MAX_PIXELS, Refused, RgbImage, gif, webp};
use crate::input::error::InputError;

/// Most pixels that are drawn to get at the frames; a long video of a usual size has a tenth of that.
const MOST_DRAWN: u64 = 1 << 31;

/// The indices of at most `most` out of `count` items, evenly from the first to the last one.
pub fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let taken = most.min(count);
    let gaps = taken.saturating_sub(1).max(1);
    (0..taken).map(move |index| index * count.saturating_sub(1) / gaps)
}

/// Frames of the animation called `name`.
///
/// # Errors
/// [`InputError::Image`] where the bytes are no GIF and no animated WebP file, or are damaged.
pub fn frame_count(name: &str, bytes: &[u8]) -> Result<usize, InputError> {
    count(bytes).map_err(|refused| refused.of(name))
}

const EXPECTED: &str = "an animated GIF or WebP, of which frames can be taken";

fn count(bytes: &[u8]) -> Result<usize, Refused> {
    let count = match image::guess_format(bytes) {
        Ok(ImageFormat::Gif) => gif::count(bytes)?,
        Ok(ImageFormat::WebP) => webp::count(bytes),
        Ok(other) => {
            return Err(Refused::new(
                EXPECTED,
                format!("a file of the format {other:?}"),
            ));
        }
        Err(_) => return Err(Refused::new(EXPECTED, "bytes of no known format")),
    };
    match count {
        0 => Err(Refused::new(EXPECTED, "a still image")),
        count => Ok(count),
    }
}

/// At most `most` frames of the animation called `name`, evenly from the first to the last one. What no frame has drawn
/// is black.
///
/// # Errors
/// As [`frame_count`]; and where they have more pixels together than an image may have, or take too long to draw.
pub fn decode_frames(name: &str, bytes: &[u8], most: usize) -> Result<Vec<RgbImage>, InputError> {
    frames(bytes, most).map_err(|refused| refused.of(name))
}

fn frames(bytes: &[u8], most: usize) -> Result<Vec<RgbImage>, Refused> {
    let indices: Vec<usize> = evenly(count(bytes)?, most).collect();
    if let Ok(ImageFormat::Gif) = image::guess_format(bytes) {
        return gif::frames(bytes, &indices);
    }
    webp::check_frames(bytes)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_ALLOCATION);
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(Refused::broken)?;
    // It would panic at the first of them.
    if !decoder.has_animation() {
        return Err(Refused::new(
            EXPECTED,
            "frames in a file that says it is a still image",
        ));
    }
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check([width, height], &indices)?;
    decoder.set_limits(limits).map_err(Refused::broken)?;
    let frames = decoder.into_frames().map(|frame| {
        let frame = frame.map_err(Refused::broken)?;
        Ok(rgb([width, height], frame.buffer().as_raw()))
    });
    taken(frames, &indices)
}

/// The frames at the `indices`, which ascend.
pub(super) fn taken(
    frames: impl Iterator<Item = Result<RgbImage, Refused>>,
    indices: &[usize],
) -> Result<Vec<RgbImage>, Refused> {
    let mut taken = Vec::with_capacity(indices.len());
    let mut wanted = indices.iter().peekable();
    for (index, frame) in frames.enumerate() {
        let frame = frame?;
        if wanted.next_if(|wanted| **wanted == index).is_some() {
            taken.push(frame);
        }
        if wanted.peek().is_none() {
            break;
        }
    }
    match taken.len() == indices.len() {
        true => Ok(taken),
        false => Err(Refused::new(
            format!("{} frames that decode", indices.len()),
            taken.len().to_string(),
        )),
    }
}

/// Fails for frames that are too large, alone or together, or lie too far behind the first one.
pub(super) fn check([width, height]: [usize; 2], indices: &[usize]) -> Result<(), Refused> {
    Refused::check_size(width, height)?;
    let pixels = width as u64 * height as u64;
    let (taken, drawn) = (
        indices.len() as u64,
        indices.last().map_or(0, |last| last + 1) as u64,
    );
    let found = |frames: u64| format!("{frames} of {width} x {height}");
    if taken.saturating_mul(pixels) > MAX_PIXELS {
        let expected = format!("frames of at most {MAX_PIXELS} pixels together");
        return Err(Refused::new(expected, found(taken)));
    }
    check_drawn(drawn.saturating_mul(pixels), || found(drawn))
}

/// Fails for frames that have too many pixels to be drawn one after another.
pub(super) fn check_drawn(pixels: u64, found: impl Fn() -> String) -> Result<(), Refused> {
    if pixels <= MOST_DRAWN {
        return Ok(());
    }
    let expected = format!("an animation of at most {MOST_DRAWN} pixels in all frames");
    Err(Refused::new(expected, found()))
}

/// An image of RGBA without its alpha.
pub(super) fn rgb([width, height]: [usize; 2], rgba: &[u8]) -> RgbImage {
    let (pixels, _) = rgba.as_chunks::<4>();
    RgbImage {
        width,
        height,
        data: pixels.iter().flat_map(|&[r, g, b, _]| [r, g, b]).collect(),
        transparent: None,
    }
}
