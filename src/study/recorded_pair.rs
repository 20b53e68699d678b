//! Pairs in a recording: their pictures as PNG, which takes a sixth of the bytes.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_bytes::ByteBuf;

use crate::report::{PairView, Picture};

/// A pair without its pictures' bytes, and these as PNG.
#[derive(Serialize, Deserialize)]
struct Recorded {
    pair: PairView,
    pictures: Vec<ByteBuf>,
}

/// Serializes the pairs.
pub(super) fn serialize<S: Serializer>(pairs: &[PairView], to: S) -> Result<S::Ok, S::Error> {
    let recorded = pairs.iter().map(|pair| {
        let mut bare = pair.clone();
        let pictures = bare.pictures.iter_mut().map(|view| {
            let rgb = std::mem::take(&mut view.picture.rgb);
            png(&view.picture, rgb)
        });
        Ok(Recorded {
            pictures: pictures.collect::<Result<_, String>>()?,
            pair: bare,
        })
    });
    let recorded = recorded.collect::<Result<Vec<_>, String>>();
    recorded.map_err(S::Error::custom)?.serialize(to)
}

/// Deserializes the pairs.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PairView>, D::Error> {
    let recorded = Vec::<Recorded>::deserialize(from)?;
    let whole = |Recorded { mut pair, pictures }| {
        for (view, png) in pair.pictures.iter_mut().zip(&pictures) {
            let found = image::load_from_memory_with_format(png, ImageFormat::Png);
            let found = found.map_err(|error| error.to_string())?.into_rgb8();
            let size = (found.width() as usize, found.height() as usize);
            if size != (view.picture.width, view.picture.height) {
                return Err(format!("{}: its picture has another size", view.name));
            }
            view.picture.rgb = found.into_raw();
        }
        Ok(pair)
    };
    let pairs = recorded.into_iter().map(whole);
    let pairs: Result<Vec<PairView>, String> = pairs.collect();
    pairs.map_err(D::Error::custom)
}

/// A picture's bytes as PNG.
fn png(picture: &Picture, rgb: Vec<u8>) -> Result<ByteBuf, String> {
    let [width, height] = [picture.width, picture.height].map(|side| side as u32);
    let image = RgbImage::from_raw(width, height, rgb);
    let image = image.ok_or("a picture without all of its pixels")?;
    let mut bytes = Cursor::new(Vec::new());
    let written = DynamicImage::from(image).write_to(&mut bytes, ImageFormat::Png);
    written.map_err(|error| error.to_string())?;
    Ok(bytes.into_inner().into())
}
