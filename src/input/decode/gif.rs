//! The first frame of a GIF file, as Pillow composes it.

use std::{io::Cursor, num::NonZeroU64};

use gif::{ColorOutput, DecodeOptions, MemoryLimit};

use super::{MAX_PIXELS, Refused, RgbImage, Stored};

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
    let mut options = DecodeOptions::new();
    options.allow_unknown_blocks(true);
    options.skip_frame_decoding(true);
    let mut decoder = options
        .read_info(Cursor::new(bytes))
        .map_err(Refused::broken)?;
    let mut count = 0;
    while let Ok(Some(_)) = decoder.next_frame_info() {
        count += 1;
    }
    Ok(count)
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
