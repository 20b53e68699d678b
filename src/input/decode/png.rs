//! PNG files: the image, the one color that a file names as transparent, and metadata before or
//! after the data.

use std::io::Cursor;

use image::ImageFormat;

use super::{MAX_ALLOCATION, Refused, Stored, still};

/// Keys of texts that hold metadata: EXIF in hexadecimal digits, as ImageMagick wrote it, and XMP.
const EXIF_KEY: &str = "Raw profile type exif";
const XMP_KEY: &str = "XML:com.adobe.xmp";

pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Refused> {
    let mut stored = still::decode(bytes, ImageFormat::Png)?;
    stored.image.transparent = transparent_color(bytes);
    let mut exif = None;
    let mut texts = false;
    for (kind, data) in chunks(bytes) {
        match kind {
            b"eXIf" => exif = Some(data.to_vec()),
            b"tEXt" | b"zTXt" | b"iTXt" => {
                let is = |key: &str| data.starts_with(key.as_bytes());
                texts |= is(EXIF_KEY) || is(XMP_KEY);
            }
            _ => {}
        }
    }
    if texts {
        let (raw_exif, xmp) = of_texts(bytes);
        exif = exif.or(raw_exif);
        stored.xmp = xmp;
    }
    stored.exif = exif;
    Ok(stored)
}

/// EXIF and XMP of a file's texts. What cannot be read is not there: the image itself is whole.
fn of_texts(bytes: &[u8]) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
    let limits = png::Limits {
        bytes: MAX_ALLOCATION as usize,
    };
    let decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    let Ok(mut reader) = decoder.read_info() else {
        return (None, None);
    };
    // Texts after the data, too.
    reader.finish().ok();
    let info = reader.info();
    let plain = info.uncompressed_latin1_text.iter();
    let plain = plain.map(|text| (&text.keyword, Some(text.text.clone())));
    let packed = info.compressed_latin1_text.iter();
    let packed = packed.map(|text| (&text.keyword, text.get_text().ok()));
    let international = info.utf8_text.iter();
    let international = international.map(|text| (&text.keyword, text.get_text().ok()));
    let (mut exif, mut xmp) = (None, None);
    for (key, text) in plain.chain(packed).chain(international) {
        match text {
            Some(text) if key == EXIF_KEY => exif = from_digits(&text),
            Some(text) if key == XMP_KEY => xmp = Some(text.into_bytes()),
            _ => {}
        }
    }
    (exif, xmp)
}

/// The bytes of a raw profile: three lines of other content, then hexadecimal digits.
fn from_digits(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text
        .split('\n')
        .skip(3)
        .flat_map(str::bytes)
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let byte = |pair: &[u8]| {
        let pair = String::from_utf8_lossy(pair);
        u8::from_str_radix(&pair, 16).ok()
    };
    digits.chunks(2).map(byte).collect()
}

/// The chunks of a file, up to the first that is not whole.
fn chunks(png: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = png.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let data = after.get(..u32::from_be_bytes(*length) as usize)?;
        // A checksum follows.
        rest = after.get(data.len() + 4..).unwrap_or_default();
        Some((kind, data))
    })
}

/// The color that a file names as transparent, where it names exactly one in a way that survives
/// PIL's conversion to RGB: palettes with several or partial alphas lose them.
fn transparent_color(png: &[u8]) -> Option<[u8; 3]> {
    let mut header: Option<(u8, u8)> = None;
    let mut palette: &[u8] = &[];
    for (kind, data) in chunks(png) {
        match kind {
            b"IHDR" => header = Some((*data.get(8)?, *data.get(9)?)),
            b"PLTE" => palette = data,
            b"tRNS" => return color(header?, palette, data),
            b"IDAT" | b"IEND" => return None,
            _ => {}
        }
    }
    None
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
