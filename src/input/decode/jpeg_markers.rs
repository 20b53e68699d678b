//! What a JPEG file's markers say beside the image's data.

/// What is wrong with a file's markers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// The file ends before the marker that ends an image.
    NoEnd,
    /// Restart markers are missing or out of order.
    Restarts,
    /// A progressive image lacks scans.
    Scans,
}

/// What is stored beside the image.
#[derive(Default)]
pub(super) struct Metadata {
    /// EXIF data; the parts of several segments joined.
    pub(super) exif: Option<Vec<u8>>,
    /// The last XMP packet.
    pub(super) xmp: Option<Vec<u8>>,
}

/// The metadata before the first scan, which is where Pillow looks for them.
pub(super) fn metadata(file: &[u8]) -> Metadata {
    const APP1: u8 = 0xe1;
    let mut metadata = Metadata::default();
    let mut markers = Markers { file, at: 2 };
    while let Some(code) = markers.next().filter(|&code| code != SCAN) {
        if code == 0x01 || (RESTART..=0xd9).contains(&code) {
            continue;
        }
        let Some(segment) = markers.segment() else {
            break;
        };
        if code != APP1 {
            continue;
        }
        if let Some(part) = segment.strip_prefix(b"Exif\0\0") {
            match &mut metadata.exif {
                Some(exif) => exif.extend_from_slice(part),
                None => metadata.exif = Some(segment.to_vec()),
            }
        } else if let Some(packet) = segment.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
            metadata.xmp = Some(packet.to_vec());
        }
    }
    metadata
}

/// The first flaw of a file's markers.
pub(super) fn flaw(file: &[u8]) -> Option<Flaw> {
    let mut markers = Markers { file, at: 2 };
    let mut progress: Option<Progress> = None;
    loop {
        let Some(code) = markers.next() else {
            return Some(Flaw::NoEnd);
        };
        match code {
            END => break,
            0x01 | RESTART..=START => continue,
            _ => {}
        }
        let Some(segment) = markers.segment() else {
            return Some(Flaw::NoEnd);
        };
        match code {
            // Progressive, by Huffman's or arithmetic codes.
            0xc2 | 0xca => progress = Some(Progress::new(segment)),
            SCAN => {
                if let Some(progress) = &mut progress {
                    progress.scan(segment);
                }
                if !markers.skip_scan() {
                    return Some(Flaw::Restarts);
                }
            }
            _ => {}
        }
    }
    progress
        .is_some_and(|progress| !progress.is_complete())
        .then_some(Flaw::Scans)
}

const RESTART: u8 = 0xd0;
const LAST_RESTART: u8 = 0xd7;
const START: u8 = 0xd8;
const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// A place between a file's markers.
struct Markers<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Markers<'a> {
    /// The next marker, past fill bytes and what belongs to none.
    fn next(&mut self) -> Option<u8> {
        loop {
            let rest = self.file.get(self.at..)?;
            let fill = rest.iter().position(|&byte| byte == 0xff)?;
            let code = rest[fill..].iter().position(|&byte| byte != 0xff)?;
            self.at += fill + code + 1;
            if rest[fill + code] != 0 {
                return Some(rest[fill + code]);
            }
        }
    }

    /// The segment of the marker just read.
    fn segment(&mut self) -> Option<&'a [u8]> {
        let rest = self.file.get(self.at..)?;
        let length = usize::from(u16::from_be_bytes(*rest.first_chunk()?)).max(2);
        self.at += length;
        rest.get(2..length)
    }

    /// Goes to the end of a scan's data; whether its restart markers are in order.
    fn skip_scan(&mut self) -> bool {
        let mut expected = RESTART;
        let mut in_order = true;
        while let Some(rest) = self.file.get(self.at..)
            && let Some(step) = rest.iter().position(|&byte| byte == 0xff)
        {
            self.at += step;
            match rest.get(step + 1) {
                Some(0) => self.at += 2,
                Some(0xff) => self.at += 1,
                Some(&code @ RESTART..=LAST_RESTART) => {
                    in_order &= code == expected;
                    expected = RESTART + (code + 1 - RESTART) % 8;
                    self.at += 2;
                }
                _ => break,
            }
        }
        in_order
    }
}

/// How far the coefficients of a progressive image have come.
struct Progress {
    /// Of each component, its number and the bits that each coefficient still lacks; [`Self::NONE`]
    /// before its first scan.
    components: Vec<(u8, [u8; 64])>,
}

impl Progress {
    const NONE: u8 = u8::MAX;

    fn new(frame: &[u8]) -> Self {
        let components = frame.get(6..).unwrap_or_default().chunks_exact(3);
        Self {
            components: components.map(|c| (c[0], [Self::NONE; 64])).collect(),
        }
    }

    /// Notes a scan by its header.
    fn scan(&mut self, header: &[u8]) {
        let Some((&count, rest)) = header.split_first() else {
            return;
        };
        let Some((selectors, &[first, last, bits, ..])) =
            rest.split_at_checked(2 * usize::from(count))
        else {
            return;
        };
        for selector in selectors.iter().step_by(2) {
            for (_, lacking) in self.components.iter_mut().filter(|c| c.0 == *selector) {
                if let Some(band) = lacking.get_mut(usize::from(first)..=usize::from(last)) {
                    band.fill(bits & 15);
                }
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.components
            .iter()
            .all(|(_, lacking)| lacking.iter().all(|&bits| bits == 0))
    }
}
