//! What lies in the place of a checkpoint's file: a pointer to it, a web page about it, nothing.
//!
//! Each of these is a file with the right name and the wrong content, which a program can only tell
//! by its first bytes.

/// How many bytes of a file's beginning tell what it is.
pub(crate) const BEGINNING: u64 = 512;

/// UTF-8's byte order mark, which editors on Windows put before a text.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Says what a file of `len` bytes with this `beginning` (all of it, or [`BEGINNING`] bytes) is
/// instead of a file of a checkpoint, and what to do; none where it may be one.
pub(crate) fn stand_in(len: u64, beginning: &[u8]) -> Option<String> {
    let text = beginning.strip_prefix(BOM).unwrap_or(beginning);
    let whole = beginning.len() as u64 == len;
    let text = text.trim_ascii_start();
    let found = if text.is_empty() && whole {
        let found = if len == 0 {
            "an empty file"
        } else {
            "nothing but white space"
        };
        format!("{found}; download it again")
    } else if !text.is_empty() && text.iter().all(|&byte| byte == 0) {
        "nothing but zero bytes, as an interrupted download leaves them; download it again".into()
    } else if is_lfs_pointer(text) {
        let size = lfs_size(text).map_or(String::new(), |size| {
            format!(" to a file of {size} bytes that was not fetched")
        });
        format!(
            "a Git LFS pointer{size}; run `git lfs pull` in the cloned folder, or download the file \
             itself"
        )
    } else if has(text, b"annex/objects/") {
        "a git-annex pointer; run `git annex get` in the cloned folder, or download the file itself"
            .into()
    } else if is_web_page(text) {
        "a web page; download the file itself instead of the page about it (on a model hub the link \
         with `resolve` in the place of `blob`), logged in where the model asks for it"
            .into()
    } else {
        foreign(beginning)?.into()
    };
    Some(found)
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
