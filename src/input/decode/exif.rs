//! The orientation that a file's EXIF or XMP names, as Pillow reads it.
//!
//! Pillow takes the first entry of the tag in the first directory of the EXIF data, of any numeric
//! type but bytes; where there is none, what XMP says. EXIF data that are no TIFF file turn nothing.

const ORIENTATION: u16 = 0x0112;

/// The orientation, 1 to 8; 1 where nothing or something else is named.
pub(super) fn orientation(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> u8 {
    let named = match exif.map(tiff).filter(|tiff| !tiff.is_empty()) {
        Some(tiff) => match Directory::open(tiff) {
            Some(directory) => directory.orientation(),
            None => return 1,
        },
        None => None,
    };
    let number = match named {
        Some(number) => number,
        None => xmp.and_then(of_xmp).map_or(1.0, f64::from),
    };
    let whole = |n: &u8| f64::from(*n) == number;
    (2..=8).find(whole).unwrap_or(1)
}

/// EXIF data without the name before them, which some files have twice.
fn tiff(exif: &[u8]) -> &[u8] {
    const NAME: &[u8] = b"Exif\0\0";
    let once = exif.strip_prefix(NAME).unwrap_or(exif);
    once.strip_prefix(NAME).unwrap_or(once)
}

/// A TIFF file's first directory.
struct Directory<'a> {
    tiff: &'a [u8],
    little_endian: bool,
    start: usize,
}

impl<'a> Directory<'a> {
    fn open(tiff: &'a [u8]) -> Option<Self> {
        let little_endian = match tiff.get(..4)? {
            // Either order of the mark's bytes is read.
            b"II\x2a\0" | b"II\0\x2a" => true,
            b"MM\x2a\0" | b"MM\0\x2a" => false,
            _ => return None,
        };
        let mut directory = Self {
            tiff,
            little_endian,
            start: 0,
        };
        directory.start = usize::try_from(directory.u32(4)?).ok()?;
        Some(directory)
    }

    /// The orientation's value; NaN where it is none that compares with a number.
    fn orientation(self) -> Option<f64> {
        let count = usize::from(self.u16(self.start)?);
        let mut read = 0_usize;
        for entry in (0..count).map(|i| self.start + 2 + 12 * i) {
            let (tag, kind) = (self.u16(entry)?, self.u16(entry + 2)?);
            let units = usize::try_from(self.u32(entry + 4)?).ok()?;
            // The value's place is part of the entry, which has to be there.
            self.tiff.get(entry + 8..entry + 12)?;
            let Some(unit) = unit_size(kind) else {
                continue;
            };
            let size = units.saturating_mul(unit);
            let mut place = entry + 8;
            if size > 4 {
                place = usize::try_from(self.u32(place)?).ok()?;
                read = read.saturating_add(size);
                if read > self.tiff.len() {
                    continue;
                }
                // Values beyond the end stop the reading, as in Pillow.
                self.tiff.get(place..place.checked_add(size)?)?;
            }
            if tag == ORIENTATION && size > 0 {
                return Some(self.value(kind, place).unwrap_or(f64::NAN));
            }
        }
        None
    }

    /// The first value of a type at a place.
    fn value(&self, kind: u16, at: usize) -> Option<f64> {
        let signed = |n: u32| f64::from(n.cast_signed());
        Some(match kind {
            3 => f64::from(self.u16(at)?),
            8 => f64::from(self.u16(at)?.cast_signed()),
            4 | 13 => f64::from(self.u32(at)?),
            9 => signed(self.u32(at)?),
            6 => f64::from(self.tiff.get(at)?.cast_signed()),
            5 => f64::from(self.u32(at)?) / f64::from(self.u32(at + 4)?),
            10 => signed(self.u32(at)?) / signed(self.u32(at + 4)?),
            11 => f64::from(f32::from_bits(self.u32(at)?)),
            12 => f64::from_bits(self.u64(at)?),
            16 => self.u64(at)? as f64,
            _ => return None,
        })
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut bytes = *self.tiff.get(at..)?.first_chunk()?;
        if self.little_endian {
            bytes.reverse();
        }
        Some(bytes)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        self.bytes(at).map(u16::from_be_bytes)
    }

    fn u32(&self, at: usize) -> Option<u32> {
        self.bytes(at).map(u32::from_be_bytes)
    }

    fn u64(&self, at: usize) -> Option<u64> {
        self.bytes(at).map(u64::from_be_bytes)
    }
}

/// Bytes of one value of a TIFF type.
fn unit_size(kind: u16) -> Option<usize> {
    match kind {
        1 | 2 | 6 | 7 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16 => Some(8),
        _ => None,
    }
}

/// The digit after the first `tiff:Orientation` that is an attribute or an element.
fn of_xmp(xmp: &[u8]) -> Option<u8> {
    const NAME: &[u8] = b"tiff:Orientation";
    xmp.windows(NAME.len())
        .enumerate()
        .filter(|(_, name)| *name == NAME)
        .find_map(|(at, _)| {
            let rest = &xmp[at + NAME.len()..];
            let value = rest.strip_prefix(b"=\"").or(rest.strip_prefix(b">"))?;
            let digit = value.first()?;
            digit.is_ascii_digit().then(|| digit - b'0')
        })
}
