//! Small pictures of image files, for showing what will be run.

use crate::{
    input::{Filter, decode_image, resize},
    report::Picture,
};

/// The image in `bytes`, shrunk to fit a square of `side` pixels and never enlarged.
///
/// # Errors
/// In one sentence why the bytes are no image, as a measurement would say it.
pub fn thumbnail(name: &str, bytes: &[u8], side: usize) -> Result<Picture, String> {
    let (image, _) = decode_image(name, bytes).map_err(|error| error.to_string())?;
    let (width, height) = (image.width, image.height);
    let longest = width.max(height).max(1);
    let shrunk = |length: usize| {
        if longest <= side {
            length
        } else {
            (length * side / longest).max(1)
        }
    };
    let small = resize(&image, shrunk(width), shrunk(height), Filter::Box);
    Ok(Picture {
        width: small.width,
        height: small.height,
        rgb: small.data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbnails_fit_and_say_what_is_no_image() {
        let demo = std::fs::read("assets/demo/images/scene-000.png").unwrap();
        let small = thumbnail("scene-000.png", &demo, 32).unwrap();
        assert_eq!(small.width.max(small.height), 32);
        assert_eq!(small.rgb.len(), small.width * small.height * 3);
        let whole = thumbnail("scene-000.png", &demo, 4096).unwrap();
        assert!(whole.width < 4096);
        let error = thumbnail("note.png", b"hello", 32).unwrap_err();
        assert!(error.contains("note.png"), "{error}");
    }
}
