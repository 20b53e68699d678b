//! JPEG files, as libjpeg-turbo decodes them for Pillow.
//!
//! Whole files give the same bytes. Files that end early are refused as Pillow refuses them; damaged
//! ones, too, where Pillow fills in what is missing.

use libjpeg_turbo_rs::{ColorSpace, ComponentInfo, DecodeLimits, Decoder, JpegError, PixelFormat};

use super::{
    MAX_ALLOCATION, MAX_PIXELS, Refused, RgbImage, Stored,
    jpeg_markers::{Flaw, Metadata, flaw, metadata},
};

/// Most scans of a progressive image; usual are 10, and each costs time over all pixels.
const MAX_SCANS: usize = 200;

const SUPPORTED: &str = "a JPEG of a form that is supported";

/// Bytes at a file's end that a decoder may have looked at and not needed: a file without an end marker
/// is whole where its image decodes without them.
const LOOKAHEAD: usize = 8;

pub(super) fn decode(bytes: &[u8]) -> Result<Stored, Refused> {
    let (width, height, data) = rgb(bytes)?;
    let Metadata { exif, xmp } = metadata(bytes);
    Ok(Stored {
        exif,
        xmp,
        ..Stored::plain(RgbImage {
            width,
            height,
            data,
            transparent: None,
        })
    })
}

fn rgb(bytes: &[u8]) -> Result<(usize, usize, Vec<u8>), Refused> {
    let mut decoder = open(bytes).map_err(refused)?;
    let header = decoder.header();
    let (width, height) = (usize::from(header.width), usize::from(header.height));
    Refused::check_size(width, height)?;
    if header.precision != 8 {
        let found = format!("{} bits", header.precision);
        return Err(Refused::new("a JPEG of 8 bits per sample", found));
    }
    let components = header.components.len();
    let format = match components {
        1 => PixelFormat::Grayscale,
        3 => PixelFormat::Rgb,
        4 => PixelFormat::Cmyk,
        count => {
            let found = format!("{count} components");
            return Err(Refused::new("a JPEG of gray, RGB or CMYK", found));
        }
    };
    let colors = decoder.jpeg_color_space();
    if let Some(sampling) = unsupported_sampling(colors, &header.components) {
        return Err(Refused::new(SUPPORTED, sampling));
    }
    // Each block of 8 x 8 pixels takes a bit at least, so that a short file cannot ask for much memory.
    let blocks = width.div_ceil(8) as u64 * height.div_ceil(8) as u64;
    let too_short = blocks / 8 > bytes.len() as u64 && !decoder.is_arithmetic();
    match flaw(bytes) {
        _ if too_short => return Err(ends_early()),
        None => {}
        // Only of a single scan can all be there without an end marker.
        Some(Flaw::NoEnd) if decoder.is_arithmetic() || decoder.has_multiple_scans() => {
            return Err(ends_early());
        }
        Some(Flaw::NoEnd) => {
            let needed = bytes.len().saturating_sub(LOOKAHEAD);
            let whole = open(&bytes[..needed]).and_then(|decoder| decoder.decode_image());
            whole.map_err(|_| ends_early())?;
        }
        Some(Flaw::Restarts) => return Err(damaged("restart markers out of order")),
        Some(Flaw::Scans) => return Err(damaged("scans missing")),
    }
    decoder.set_output_format(format);
    let image = decoder.decode_image().map_err(refused)?;
    let data = match format {
        PixelFormat::Grayscale => image.data.iter().flat_map(|&level| [level; 3]).collect(),
        PixelFormat::Cmyk => image
            .data
            .as_chunks()
            .0
            .iter()
            .flat_map(from_cmyk)
            .collect(),
        _ => image.data,
    };
    if (image.width, image.height, data.len()) != (width, height, 3 * width * height) {
        return Err(damaged("another size than it says"));
    }
    Ok((width, height, data))
}

/// What of a subsampling the decoder cannot do, if anything: it wants no color sampled finer than the
/// brightness, and of four components the first and the last whole and the others alike.
fn unsupported_sampling(colors: ColorSpace, components: &[ComponentInfo]) -> Option<&'static str> {
    let factors = |c: &ComponentInfo| (c.horizontal_sampling, c.vertical_sampling);
    let divides = |part: u8, whole: u8| part > 0 && whole.is_multiple_of(part);
    match components {
        [light, others @ ..] if colors == ColorSpace::YCbCr => {
            let (across, down) = factors(light);
            let finer = |c: &ComponentInfo| factors(c).0 > across || factors(c).1 > down;
            let finer = others.iter().any(finer);
            finer.then_some("color sampled finer than brightness")
        }
        [first, second, third, last] => {
            let (whole, part) = (factors(first), factors(second));
            let common = factors(last) == whole
                && factors(third) == part
                && divides(part.0, whole.0)
                && divides(part.1, whole.1);
            (!common).then_some("CMYK of an unusual subsampling")
        }
        _ => None,
    }
}

fn open(bytes: &[u8]) -> Result<Decoder<'_>, JpegError> {
    let limits = DecodeLimits {
        max_pixels: MAX_PIXELS,
        max_scans: MAX_SCANS,
        max_memory: Some(MAX_ALLOCATION),
        ..DecodeLimits::default()
    };
    Decoder::new_with_limits(bytes, limits)
}

/// Pillow takes every CMYK file for an inverted one, as Adobe's programs write them.
fn from_cmyk(ink: &[u8; 4]) -> [u8; 3] {
    let [cyan, magenta, yellow, black] = ink.map(u32::from);
    let level = |ink: u32| {
        let product = (255 - ink) * black + 128;
        (black - ((product + (product >> 8)) >> 8)) as u8
    };
    [level(cyan), level(magenta), level(yellow)]
}

fn ends_early() -> Refused {
    Refused::new("a whole JPEG image", "a file that ends early")
}

fn damaged(what: &str) -> Refused {
    Refused::new("a JPEG image without damage", what)
}

fn refused(error: JpegError) -> Refused {
    match error {
        JpegError::UnexpectedEof => damaged("data that end early"),
        JpegError::LimitExceeded {
            what,
            actual,
            limit,
        } => Refused::new(format!("{what} of at most {limit}"), actual.to_string()),
        JpegError::Unsupported(what) => Refused::new(SUPPORTED, what),
        other => damaged(&format!("an error ({other})")),
    }
}
