//! A token's way in a recording: its numbers in 16 bits.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::recording::{lengthen, shorten};
use crate::report::{Strip, TokenPath};

/// What becomes of a token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedPath {
    pair: usize,
    position: usize,
    /// Width and first numbers in the tower.
    tower: Option<(usize, ByteBuf)>,
    /// The same at each state.
    states: Vec<(usize, ByteBuf)>,
    /// Both coordinates at each state.
    at: ByteBuf,
}

impl From<&TokenPath> for RecordedPath {
    fn from(path: &TokenPath) -> Self {
        let strip = |strip: &Strip| (strip.width, shorten(strip.values.iter().copied()).into());
        Self {
            pair: path.pair,
            position: path.position,
            tower: path.tower.as_ref().map(strip),
            states: path.states.iter().map(strip).collect(),
            at: shorten(path.at.iter().flatten().copied()).into(),
        }
    }
}

impl From<&RecordedPath> for TokenPath {
    fn from(path: &RecordedPath) -> Self {
        let strip = |(width, bytes): &(usize, ByteBuf)| Strip {
            width: *width,
            values: lengthen(bytes).collect(),
        };
        Self {
            pair: path.pair,
            position: path.position,
            tower: path.tower.as_ref().map(strip),
            states: path.states.iter().map(strip).collect(),
            at: lengthen(&path.at)
                .collect::<Vec<f32>>()
                .as_chunks::<2>()
                .0
                .to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_comes_back() {
        let path = TokenPath {
            pair: 1,
            position: 7,
            tower: Some(Strip::of(&[0.5; 100])),
            states: vec![Strip::of(&[1.0, -2.0]), Strip::of(&[0.25, 3.0])],
            at: vec![[0.5, -1.0], [0.75, 2.0]],
        };
        assert_eq!(path.tower.as_ref().unwrap().values.len(), Strip::MOST);
        assert_eq!(TokenPath::from(&RecordedPath::from(&path)), path);
    }
}
