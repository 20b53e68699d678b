//! WebP files, of an animation the first frame, as libwebp composes it for Pillow.

use image::ImageFormat;

use super::{Refused, RgbImage, Stored, still};

/// Bits of a file's features.
const ANIMATION: u8 = 0x02;
const XMP: u8 = 0x04;
const EXIF: u8 = 0x08;
const ALPHA: u8 = 0x10;

/// The image. That of an animation is its first frame on a canvas of zeros: neither the background
/// that the file names nor blending counts for it.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Refused> {
    let features = match chunks(bytes.get(12..).unwrap_or_default()).next() {
        Some((b"VP8X", header)) => header,
        _ => return still::decode(bytes, ImageFormat::WebP),
    };
    let flags = features.first().copied().unwrap_or(0);
    let mut stored = if flags & ANIMATION == 0 {
        still::decode(bytes, ImageFormat::WebP)?
    } else {
        first_frame(bytes, features)?
    };
    let chunk = |bit: u8, name: &[u8; 4]| {
        (flags & bit != 0)
            .then(|| chunks(&bytes[12..]).find(|(kind, _)| *kind == name))
            .flatten()
            .map(|(_, data)| data.to_vec())
    };
    stored.exif = chunk(EXIF, b"EXIF");
    stored.xmp = chunk(XMP, b"XMP ");
    Ok(stored)
}

/// Frames of an animation; none of a still image.
pub(super) fn count(bytes: &[u8]) -> usize {
    let chunks = chunks(bytes.get(12..).unwrap_or_default());
    chunks.filter(|(kind, _)| *kind == b"ANMF").count()
}

/// Fails where a frame with an alpha channel holds a picture of another size than its own: `image-webp` draws it
/// without a look at its size.
///
/// Whatever the file says of its chunks, a frame that the decoder finds begins with its name.
pub(super) fn check_frames(bytes: &[u8]) -> Result<(), Refused> {
    const NAME: &[u8] = b"ANMF";
    let places = bytes.windows(NAME.len()).enumerate();
    for (place, _) in places.filter(|(_, name)| *name == NAME) {
        let frame = &bytes[place + NAME.len()..];
        if let Some([own, drawn]) = alpha_frame_sizes(frame)
            && own != drawn
        {
            let words = |[width, height]: [usize; 2]| format!("{width} x {height} pixels");
            return Err(Refused::new(
                format!("a frame of {}", words(own)),
                format!("a picture of {} in it", words(drawn)),
            ));
        }
    }
    Ok(())
}

/// Width and height of a frame, and of the picture behind its alpha channel; none where it has no such channel or ends
/// early.
fn alpha_frame_sizes(frame: &[u8]) -> Option<[[usize; 2]; 2]> {
    // Its length; place, size, duration and flags.
    let (header, body) = frame.get(4..)?.split_at_checked(16)?;
    let own = [u24(header, 6)? + 1, u24(header, 9)? + 1];
    let length = body.strip_prefix(b"ALPH")?.first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    let picture = body.get(8_usize.checked_add(length)?.checked_add(length % 2)?..)?;
    // Name and length of the chunk, then a frame's tag, a mark, and 14 bits for each side.
    let sides = picture.get(14..18)?;
    let side = |at: usize| usize::from(u16::from_le_bytes([sides[at], sides[at + 1]]) & 0x3fff);
    Some([own, [side(0), side(2)]])
}

fn first_frame(bytes: &[u8], features: &[u8]) -> Result<Stored, Refused> {
    let incomplete = || Refused::new("a WebP animation with a whole frame", "none in it");
    let size = |header: &[u8], at: usize| u24(header, at).map(|n| n + 1).ok_or_else(incomplete);
    let (width, height) = (size(features, 4)?, size(features, 7)?);
    Refused::check_size(width, height)?;
    let frame = chunks(&bytes[12..])
        .find(|(kind, _)| *kind == b"ANMF")
        .and_then(|(_, data)| data.split_at_checked(16))
        .ok_or_else(incomplete)?;
    let (header, body) = frame;
    let offset = |at: usize| u24(header, at).map(|n| 2 * n).ok_or_else(incomplete);
    let (left, top) = (offset(0)?, offset(3)?);
    let (frame_width, frame_height) = (size(header, 6)?, size(header, 9)?);
    if left + frame_width > width || top + frame_height > height {
        return Err(Refused::new(
            format!("a first frame within {width} x {height} pixels"),
            format!("{frame_width} x {frame_height} at {left}, {top}"),
        ));
    }
    let file = still_file(body, frame_width, frame_height);
    let image = still::decode(&file, ImageFormat::WebP)?.image;
    if (image.width, image.height) != (frame_width, frame_height) {
        return Err(Refused::new(
            format!("a first frame of {frame_width} x {frame_height} pixels"),
            format!("{} x {}", image.width, image.height),
        ));
    }
    let mut data = vec![0; 3 * width * height];
    for (y, row) in image.data.chunks_exact(3 * frame_width).enumerate() {
        let start = 3 * ((top + y) * width + left);
        data[start..start + row.len()].copy_from_slice(row);
    }
    Ok(Stored::plain(RgbImage {
        width,
        height,
        data,
        transparent: None,
    }))
}

/// A frame's chunks as a file of its own.
fn still_file(frame: &[u8], width: usize, height: usize) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    if chunks(frame).any(|(kind, _)| kind == b"ALPH") {
        body.extend(b"VP8X\x0a\0\0\0");
        body.extend([ALPHA, 0, 0, 0]);
        for side in [width, height] {
            body.extend_from_slice(&(side as u32 - 1).to_le_bytes()[..3]);
        }
    }
    body.extend_from_slice(frame);
    let mut file = b"RIFF".to_vec();
    file.extend((body.len() as u32).to_le_bytes());
    file.append(&mut body);
    file
}

/// The chunks of a RIFF file after its header, up to the first that is not whole.
fn chunks(mut rest: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, after) = rest.split_first_chunk::<4>()?;
        let (length, after) = after.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let data = after.get(..length)?;
        rest = after.get(length + length % 2..).unwrap_or_default();
        Some((kind, data))
    })
}

fn u24(bytes: &[u8], at: usize) -> Option<usize> {
    let &[low, middle, high] = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes([low, middle, high, 0]) as usize)
}
