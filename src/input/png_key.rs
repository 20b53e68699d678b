//! The one color that a PNG file names as transparent.
//!
//! PIL keeps it when it converts to RGB, and the image processors of transformers then paint it
//! white. Palettes with several or partial alphas lose them instead, so that only the cases below
//! have such a color.

/// The transparent color, if the file names exactly one in a way that survives PIL's conversion.
pub(super) fn transparent_color(png: &[u8]) -> Option<[u8; 3]> {
    let mut rest = png.get(8..)?;
    let mut header: Option<(u8, u8)> = None;
    let mut palette: &[u8] = &[];
    loop {
        let length = u32::from_be_bytes(*rest.first_chunk::<4>()?) as usize;
        let kind = rest.get(4..8)?;
        let data = rest.get(8..8usize.checked_add(length)?)?;
        match kind {
            b"IHDR" => header = Some((*data.get(8)?, *data.get(9)?)),
            b"PLTE" => palette = data,
            b"tRNS" => return color(header?, palette, data),
            b"IDAT" | b"IEND" => return None,
            _ => {}
        }
        rest = rest.get(8 + length + 4..)?;
    }
}

/// The color of a tRNS chunk, given bit depth and color type.
fn color((depth, color_type): (u8, u8), palette: &[u8], transparency: &[u8]) -> Option<[u8; 3]> {
    let sample = |i: usize| {
        let pair = transparency.get(2 * i..2 * i + 2)?;
        Some(u16::from_be_bytes([pair[0], pair[1]]))
    };
    match (color_type, depth) {
        // PIL's mode "1" keys on red alone; the others are zero.
        (0, 1) => Some([if sample(0)? == 0 { 0 } else { 255 }, 0, 0]),
        // The sample as written, even where the pixels of 2 and 4 bits are scaled up.
        (0, 2 | 4 | 8) => u8::try_from(sample(0)?).ok().map(|v| [v; 3]),
        (2, 8) => {
            let byte = |i| u8::try_from(sample(i)?).ok();
            Some([byte(0)?, byte(1)?, byte(2)?])
        }
        (3, _) => {
            // One clear entry, all others opaque.
            let index = transparency.iter().position(|&a| a == 0)?;
            let simple = transparency
                .iter()
                .enumerate()
                .all(|(i, &a)| i == index || a == 255);
            let entry = palette.get(3 * index..3 * index + 3)?;
            simple.then(|| [entry[0], entry[1], entry[2]])
        }
        _ => None,
    }
}
