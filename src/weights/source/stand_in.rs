//! What lies in the place of a checkpoint's file: a pointer to it, a web page about it, nothing.
//!
//! Each of these is a file with the right name and the wrong content, which a program can only tell
//! by its first bytes.

/// How many bytes of a file's beginning tell what it is.
pub(crate) const BEGINNING: u64 = 512;

/// UTF-8's byte order mark, which editors on Windows put before a text.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// What holds the place of a file, whatever kind it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placeholder {
    /// No bytes.
    Empty,
    /// Nothing but white space.
    Blank,
    /// Nothing but zero bytes.
    Zeros,
    /// A Git LFS pointer, with the size that it gives.
    LfsPointer(Option<u64>),
    /// A git-annex pointer.
    AnnexPointer,
    /// A web page.
    WebPage,
}

impl std::fmt::Display for Placeholder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("an empty file"),
            Self::Blank => f.write_str("nothing but white space"),
            Self::Zeros => f.write_str("nothing but zero bytes"),
            Self::LfsPointer(None) => f.write_str("a Git LFS pointer"),
            Self::LfsPointer(Some(size)) => {
                write!(
                    f,
                    "a Git LFS pointer to a file of {size} bytes that was not fetched"
                )
            }
            Self::AnnexPointer => f.write_str("a git-annex pointer"),
            Self::WebPage => f.write_str("a web page"),
        }
    }
}

/// What holds the place of a file of `len` bytes with this `beginning` (all of it, or [`BEGINNING`]
/// bytes); none where it may be the file itself.
pub(crate) fn placeholder(len: u64, beginning: &[u8]) -> Option<Placeholder> {
    let text = beginning.strip_prefix(BOM).unwrap_or(beginning);
    let whole = beginning.len() as u64 == len;
    let text = text.trim_ascii_start();
    if text.is_empty() && whole {
        Some(match len {
            0 => Placeholder::Empty,
            _ => Placeholder::Blank,
        })
    } else if !text.is_empty() && text.iter().all(|&byte| byte == 0) {
        Some(Placeholder::Zeros)
    } else if is_lfs_pointer(text) {
        Some(Placeholder::LfsPointer(lfs_size(text)))
    } else if has(text, b"annex/objects/") {
        Some(Placeholder::AnnexPointer)
    } else if is_web_page(text) {
        Some(Placeholder::WebPage)
    } else {
        None
    }
}

/// Says what a file of `len` bytes with this `beginning` (all of it, or [`BEGINNING`] bytes) is
/// instead of a file of a checkpoint, and what to do; none where it may be one.
pub(crate) fn stand_in(len: u64, beginning: &[u8]) -> Option<String> {
    let Some(found) = placeholder(len, beginning) else {
        return foreign(beginning).map(Into::into);
    };
    Some(match found {
        Placeholder::Empty | Placeholder::Blank => format!("{found}; download it again"),
        Placeholder::Zeros => {
            format!("{found}, as an interrupted download leaves them; download it again")
        }
        Placeholder::LfsPointer(_) => {
            format!("{found}; run `git lfs pull` in the cloned folder, or download the file itself")
        }
        Placeholder::AnnexPointer => {
            format!(
                "{found}; run `git annex get` in the cloned folder, or download the file itself"
            )
        }
        Placeholder::WebPage => format!(
            "{found}; download the file itself instead of the page about it (on a model hub the link \
             with `resolve` in the place of `blob`), logged in where the model asks for it"
        ),
    })
}

/// For a file that should not be text: how the text in its place begins; none where it is none.
pub(crate) fn text_instead(beginning: &[u8]) -> Option<String> {
    let start = &beginning[..beginning.len().min(80)];
    let text = match std::str::from_utf8(start) {
        Ok(text) => text,
        // The cut may go through a character.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&start[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |letter: char| !letter.is_control() || letter.is_ascii_whitespace();
    (!text.is_empty() && text.chars().all(is_text))
        .then(|| format!("text that begins with {:?}", shortened(text)))
}

/// The first line of `text`, at most 60 characters of it.
pub(crate) fn shortened(text: &str) -> String {
    let line = text.trim_start().lines().next().unwrap_or_default();
    line.chars().take(60).collect()
}

fn is_lfs_pointer(text: &[u8]) -> bool {
    [
        &b"version https://git-lfs"[..],
        b"version https://hawser",
        b"version http://git-media",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

/// The size that a Git LFS pointer gives.
fn lfs_size(pointer: &[u8]) -> Option<u64> {
    let lines = std::str::from_utf8(pointer).ok()?.lines();
    let mut sizes = lines.filter_map(|line| line.strip_prefix("size "));
    sizes.next()?.trim().parse().ok()
}

fn is_web_page(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    [
        &b"<!doctype"[..],
        b"<html",
        b"<head",
        b"<body",
        b"<script",
        b"<!--",
        b"<?xml",
    ]
    .iter()
    .any(|start| lower.starts_with(start))
}

/// Whether the first line of `text` holds `part`.
fn has(text: &[u8], part: &[u8]) -> bool {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    // A path, and nothing else.
    let path = line.starts_with(b"/") || line.starts_with(b".");
    path && line.len() < 400 && line.windows(part.len()).any(|window| window == part)
}

/// A file of another format, by its first bytes.
fn foreign(beginning: &[u8]) -> Option<&'static str> {
    const CONVERT: &str = "PyTorch weights in Python's pickle format; convert them to safetensors, or \
         use a checkpoint that has model.safetensors";
    const UNPACK: &str = "a compressed file or an archive; unpack it first";
    let starts: [(&[u8], &str); 13] = [
        (b"PK\x03\x04", CONVERT),
        (b"\x80\x02", CONVERT),
        (b"\x80\x03", CONVERT),
        (b"\x80\x04", CONVERT),
        (
            b"GGUF",
            "a GGUF file under the name of another format; let its name end in .gguf and use it in the \
             place of the folder",
        ),
        (
            b"\x89HDF",
            "an HDF5 file, as TensorFlow writes weights; convert it to safetensors",
        ),
        (b"\x1f\x8b", UNPACK),
        (b"BZh", UNPACK),
        (b"\xfd7zXZ", UNPACK),
        (b"\x28\xb5\x2f\xfd", UNPACK),
        (b"7z\xbc\xaf", UNPACK),
        (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
        (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
    ];
    let by_start = starts
        .iter()
        .find(|(start, _)| beginning.starts_with(start));
    match by_start {
        Some((_, found)) => Some(found),
        None if beginning.get(257..262) == Some(b"ustar") => Some(UNPACK),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_file_of_a_checkpoint_is_named() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 123\n";
        let windows = format!("\u{feff}{}", pointer.replace('\n', "\r\n"));
        let cases: [(&[u8], &str); 14] = [
            (b"", "an empty file"),
            (b" \n\t", "nothing but white space"),
            (b"\xef\xbb\xbf\r\n", "nothing but white space"),
            (&[0; 40], "nothing but zero bytes"),
            (pointer.as_bytes(), "pointer to a file of 123 bytes"),
            (windows.as_bytes(), "pointer to a file of 123 bytes"),
            (b"/annex/objects/SHA256E-s1--a.safetensors", "git annex get"),
            (b"<!DOCTYPE html><html>", "a web page"),
            (b"\n\n<HTML lang=en>", "a web page"),
            (b"<?xml version='1.0'?><Error>", "a web page"),
            (b"PK\x03\x04....", "PyTorch"),
            (b"GGUF\x03\0\0\0", "GGUF"),
            (b"\x1f\x8b\x08\0", "unpack"),
            (b"\xff\xfe{\0}\0", "UTF-16"),
        ];
        for (bytes, part) in cases {
            let found = stand_in(bytes.len() as u64, bytes).unwrap_or_default();
            assert!(found.contains(part), "{part}: {found}");
        }
        let header = b"\x40\0\0\0\0\0\0\0{\"a\": 1}";
        for good in [&b"{}"[..], b"  {\"a\": 1}", b"{{ bos_token }}", header] {
            assert_eq!(stand_in(good.len() as u64, good), None);
        }
        // Only a beginning: white space is not all of it.
        assert_eq!(stand_in(2000, &[b' '; 512]), None);
    }

    #[test]
    fn text_is_quoted_and_bytes_are_not() {
        let found = text_instead(b"Entry not found\n\x07").unwrap_or_default();
        assert_eq!(found, "", "a control character is no text");
        let found = text_instead(b"Entry not found\nmore").unwrap_or_default();
        assert_eq!(found, "text that begins with \"Entry not found\"");
        assert_eq!(text_instead(b"\x40\0\0\0\0\0\0\0{"), None);
        assert_eq!(text_instead(b""), None);
    }
}
