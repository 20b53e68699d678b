//! GIF files: the first frame as Pillow composes it, and the frames of animations.

use std::{io::Cursor, num::NonZeroU64};

use gif::{ColorOutput, DecodeOptions, DisposalMethod, MemoryLimit};

use super::{MAX_PIXELS, Refused, RgbImage, Stored, animation};
use crate::words::counted;

/// The frame in its place on the screen, which grows to hold it. Around it is the color that the frame
/// names as transparent, or else the first one.
pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Refused> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    options.allow_unknown_blocks(true);
    if let Some(limit) = NonZeroU64::new(MAX_PIXELS) {
        options.set_memory_limit(MemoryLimit::Bytes(limit));
    }
    let mut decoder = options
        .read_info(Cursor::new(bytes))
        .map_err(Refused::broken)?;
    let screen = (usize::from(decoder.width()), usize::from(decoder.height()));
    let frame = decoder
        .next_frame_info()
        .map_err(Refused::broken)?
        .ok_or_else(|| Refused::new("a GIF with an image", "none in it"))?;
    let [left, top, frame_width, frame_height] =
        [frame.left, frame.top, frame.width, frame.height].map(usize::from);
    let (local, transparent) = (frame.palette.clone(), frame.transparent);
    Refused::check_size(frame_width, frame_height)?;
    let width = screen.0.max(left + frame_width);
    let height = screen.1.max(top + frame_height);
    Refused::check_size(width, height)?;
    let mut indices = vec![0; decoder.buffer_size()];
    decoder
        .read_into_buffer(&mut indices)
        .map_err(Refused::broken)?;

    let palette = palette(local.as_deref(), decoder.global_palette());
    let color = |index: u8| match palette {
        // Pillow calls the image gray.
        None => [index; 3],
        Some(palette) => {
            let (entries, _) = palette.as_chunks();
            entries.get(usize::from(index)).copied().unwrap_or_default()
        }
    };
    let colors: Vec<[u8; 3]> = (0..=255).map(color).collect();
    let mut data = color(transparent.unwrap_or(0)).repeat(width * height);
    for (y, row) in indices.chunks_exact(frame_width).enumerate() {
        let start = 3 * ((top + y) * width + left);
        let place = data.iter_mut().skip(start).take(3 * frame_width);
        let pixels = row.iter().flat_map(|&index| colors[usize::from(index)]);
        place.zip(pixels).for_each(|(byte, level)| *byte = level);
    }
    Ok(Stored::plain(RgbImage {
        width,
        height,
        data,
        transparent: transparent.map(color),
    }))
}

/// Frames of an animation; those of a file that ends early count as far as it goes.
pub(super) fn count(bytes: &[u8]) -> Result<usize, Refused> {
    Ok(areas(bytes)?.count())
}

/// The pixels of each frame, without decoding it; a frame may be larger than the screen.
fn areas(bytes: &[u8]) -> Result<impl Iterator<Item = u64>, Refused> {
    let mut options = DecodeOptions::new();
    options.allow_unknown_blocks(true);
    options.skip_frame_decoding(true);
    let mut decoder = options
        .read_info(Cursor::new(bytes))
        .map_err(Refused::broken)?;
    Ok(std::iter::from_fn(move || {
        let frame = decoder.next_frame_info().ok().flatten()?;
        Some(u64::from(frame.width) * u64::from(frame.height))
    }))
}

/// The frames of an animation at the `indices`, each drawn over the ones before it as they are disposed of.
pub(super) fn frames(bytes: &[u8], indices: &[usize]) -> Result<Vec<RgbImage>, Refused> {
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::RGBA);
    options.allow_unknown_blocks(true);
    if let Some(limit) = NonZeroU64::new(4 * MAX_PIXELS) {
        options.set_memory_limit(MemoryLimit::Bytes(limit));
    }
    let mut decoder = options
        .read_info(Cursor::new(bytes))
        .map_err(Refused::broken)?;
    let screen = [decoder.width(), decoder.height()].map(usize::from);
    animation::check(screen, indices)?;
    let read = indices.last().map_or(0, |last| last + 1);
    animation::check_drawn(areas(bytes)?.take(read).sum(), || {
        format!(
            "{} with more, whatever the size of the screen",
            counted(read, "frame")
        )
    })?;
    let [width, height] = screen;
    let mut canvas = vec![[0; 4]; width * height];
    let mut restored: Option<Disposed> = None;
    let drawn = std::iter::from_fn(move || {
        let frame = match decoder.read_next_frame() {
            Ok(frame) => frame?,
            Err(error) => return Some(Err(Refused::broken(error))),
        };
        if let Some(before) = restored.take() {
            before.undo(&mut canvas, width);
        }
        let place = Place {
            left: usize::from(frame.left).min(width),
            top: usize::from(frame.top).min(height),
            right: (usize::from(frame.left) + usize::from(frame.width)).min(width),
            bottom: (usize::from(frame.top) + usize::from(frame.height)).min(height),
        };
        restored = Disposed::of(frame.dispose, &place, &canvas, width);
        let (pixels, _) = frame.buffer.as_chunks::<4>();
        let rows = pixels.chunks_exact(usize::from(frame.width).max(1));
        for (row, y) in rows.zip(place.top..place.bottom) {
            let own = canvas.get_mut(y * width + place.left..y * width + place.right);
            let opaque = own.into_iter().flatten().zip(row);
            opaque
                .filter(|(_, pixel)| pixel[3] != 0)
                .for_each(|(own, pixel)| *own = *pixel);
        }
        Some(Ok(animation::rgb(screen, canvas.as_flattened())))
    });
    animation::taken(drawn, indices)
}

/// The part of the screen that a frame covers.
struct Place {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

/// What stands in the place of a frame before the next one is drawn, row by row.
struct Disposed {
    place: Place,
    pixels: Vec<[u8; 4]>,
}

impl Disposed {
    fn of(how: DisposalMethod, place: &Place, canvas: &[[u8; 4]], width: usize) -> Option<Self> {
        let Place {
            left,
            top,
            right,
            bottom,
        } = *place;
        let pixels = match how {
            DisposalMethod::Any | DisposalMethod::Keep => return None,
            DisposalMethod::Background => vec![[0; 4]; (right - left) * (bottom - top)],
            DisposalMethod::Previous => (top..bottom)
                .filter_map(|y| canvas.get(y * width + left..y * width + right))
                .flatten()
                .copied()
                .collect(),
        };
        let place = Place {
            left,
            top,
            right,
            bottom,
        };
        Some(Self { place, pixels })
    }

    fn undo(self, canvas: &mut [[u8; 4]], width: usize) {
        let Place {
            left,
            top,
            right,
            bottom,
        } = self.place;
        let rows = self.pixels.chunks_exact((right - left).max(1));
        for (row, y) in rows.zip(top..bottom) {
            let own = canvas.get_mut(y * width + left..y * width + right);
            own.into_iter()
                .flatten()
                .zip(row)
                .for_each(|(own, pixel)| *own = *pixel);
        }
    }
}

/// The palette in force. One in which every index is its own shade of gray counts for none, and where
/// the frame's own is such a one, Pillow goes back to that of the whole file.
fn palette<'a>(local: Option<&'a [u8]>, global: Option<&'a [u8]>) -> Option<&'a [u8]> {
    let needed = |palette: &&[u8]| {
        let (entries, _) = palette.as_chunks();
        entries
            .iter()
            .enumerate()
            .any(|(index, entry)| *entry != [index as u8; 3])
    };
    local.filter(needed).or(global.filter(needed))
}
