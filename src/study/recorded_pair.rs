//! Pairs in a recording: their pictures as PNG, which takes a sixth of the bytes, and their tokens by words that are
//! written once.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::Error as _};
use serde_bytes::ByteBuf;

use crate::report::{PairView, Picture, TokenKind, TokenView};

/// A pair without its pictures' bytes and its tokens, and these in a shorter form.
#[derive(Serialize, Deserialize)]
struct Recorded {
    pair: PairView,
    /// As PNG.
    pictures: Vec<ByteBuf>,
    tokens: Tokens,
}

/// The tokens of a prompt.
#[derive(Serialize, Deserialize)]
struct Tokens {
    /// Ids and texts.
    words: Vec<(u32, String)>,
    /// Number of the word, number of the kind, place in the picture, picture.
    of: Vec<(usize, usize, Option<usize>, usize)>,
}

/// The kinds of tokens in the order of their numbers.
const KINDS: [TokenKind; 3] = [TokenKind::Vision, TokenKind::Text, TokenKind::Scaffold];

impl Tokens {
    fn new(tokens: &[TokenView]) -> Self {
        let mut words: Vec<(u32, String)> = Vec::new();
        let of = tokens.iter().map(|token| {
            let known = |(id, text): &(u32, String)| *id == token.id && *text == token.text;
            let word = words.iter().position(known).unwrap_or_else(|| {
                words.push((token.id, token.text.clone()));
                words.len() - 1
            });
            let kind = KINDS.iter().position(|kind| *kind == token.kind);
            (word, kind.unwrap_or(0), token.patch, token.picture)
        });
        let of = of.collect();
        Self { words, of }
    }

    fn whole(&self) -> Option<Vec<TokenView>> {
        let token = |&(word, kind, patch, picture): &(usize, usize, Option<usize>, usize)| {
            let (id, text) = self.words.get(word)?;
            Some(TokenView {
                id: *id,
                text: text.clone(),
                kind: *KINDS.get(kind)?,
                patch,
                picture,
            })
        };
        self.of.iter().map(token).collect()
    }
}

/// Serializes the pairs.
pub(super) fn serialize<S: Serializer>(pairs: &[PairView], to: S) -> Result<S::Ok, S::Error> {
    let recorded = pairs.iter().map(|pair| {
        let mut bare = pair.clone();
        let pictures = bare.pictures.iter_mut().map(|view| {
            let rgb = std::mem::take(&mut view.picture.rgb);
            png(&view.picture, rgb)
        });
        let tokens = Tokens::new(&std::mem::take(&mut bare.tokens));
        Ok(Recorded {
            tokens,
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
    let whole = |recorded: Recorded| -> Result<PairView, String> {
        let Recorded {
            mut pair,
            pictures,
            tokens,
        } = recorded;
        pair.tokens = (tokens.whole()).ok_or("a token of a word or kind that is not there")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back() {
        let token = |id: u32, kind, patch| TokenView {
            id,
            text: format!(" word{id}"),
            kind,
            patch,
            picture: usize::from(patch.is_some()),
        };
        let tokens = vec![
            token(3, TokenKind::Scaffold, None),
            token(9, TokenKind::Vision, Some(4)),
            token(9, TokenKind::Vision, None),
            token(3, TokenKind::Text, None),
        ];
        let mut recorded = Tokens::new(&tokens);
        assert_eq!(recorded.words.len(), 2);
        assert_eq!(recorded.whole().unwrap(), tokens);
        recorded.of[2].0 = 7;
        assert_eq!(recorded.whole(), None);
    }
}
