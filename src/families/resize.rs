//! Sizes in the settings of image processors.

use std::fmt;

use serde_json::Value;

use crate::weights::{WeightsError, fields::Fields};

/// Longest side that a configuration may ask for, in pixels.
pub(super) const MAX_SIDE: usize = 1 << 13;

/// The size that an image is resized to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resize {
    /// To exactly this height and width, whatever the image's proportions.
    Exact(usize, usize),
    /// The shorter side to this length, proportions kept.
    ShortestEdge(usize),
    /// The same, unless the longer side would exceed `longest`.
    Edges { shortest: usize, longest: usize },
}

impl fmt::Display for Resize {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(height, width) => write!(formatter, "{height} x {width}"),
            Self::ShortestEdge(edge) => write!(formatter, "a shortest edge of {edge}"),
            Self::Edges { shortest, longest } => {
                write!(formatter, "edges of {shortest} to {longest}")
            }
        }
    }
}

impl Resize {
    /// The same for pictures `times` as high and wide.
    pub(super) fn enlarged(self, times: usize) -> Self {
        match self {
            Self::Exact(height, width) => Self::Exact(times * height, times * width),
            Self::ShortestEdge(edge) => Self::ShortestEdge(times * edge),
            Self::Edges { shortest, longest } => Self::Edges {
                shortest: times * shortest,
                longest: times * longest,
            },
        }
    }

    /// Height and width after resizing an image of `height` x `width`.
    pub(super) fn target(self, height: usize, width: usize) -> (usize, usize) {
        // The quotient of exact integers, rounded once, then cut off.
        let scaled = |edge: usize, long: usize, short: usize| {
            ((edge as u64 * long as u64) as f64 / short as f64) as usize
        };
        match self {
            Self::Exact(height, width) => (height, width),
            Self::ShortestEdge(edge) if width <= height => (scaled(edge, height, width), edge),
            Self::ShortestEdge(edge) => (edge, scaled(edge, width, height)),
            Self::Edges { shortest, longest } => {
                let (short, long) = (height.min(width) as f64, height.max(width) as f64);
                let limited = (long / short * shortest as f64 > longest as f64)
                    .then(|| longest as f64 * short / long);
                let edge = limited.map_or(shortest, |raw| raw.round_ties_even() as usize);
                let other = |long: usize, short: usize| match limited {
                    Some(raw) => (raw * long as f64 / short as f64) as usize,
                    None => scaled(edge, long, short),
                };
                if height.min(width) == edge {
                    (height, width)
                } else if width < height {
                    (other(height, width), edge)
                } else {
                    (edge, other(width, height))
                }
            }
        }
    }
}

/// `size`: a number (the shortest edge), or an object with edges or height and width.
pub(super) fn resize_size(f: &Fields<'_>) -> Result<Option<Resize>, WeightsError> {
    const KEY: &str = "size";
    if let Some(Value::Object(_)) = f.value(KEY)
        && let Some(size) = f.section(KEY)?
    {
        let side = |key: &str| size.count(key, 1..=MAX_SIDE);
        let sides = (
            side("height")?,
            side("width")?,
            side("shortest_edge")?,
            side("longest_edge")?,
        );
        return Ok(Some(match sides {
            (_, _, Some(shortest), Some(longest)) => Resize::Edges { shortest, longest },
            (_, _, Some(edge), None) => Resize::ShortestEdge(edge),
            (Some(height), Some(width), _, _) => Resize::Exact(height, width),
            _ => {
                let expected = "height and width, or shortest_edge";
                return Err(f.invalid(KEY, expected, "other keys"));
            }
        }));
    }
    Ok(f.count(KEY, 1..=MAX_SIDE)?.map(Resize::ShortestEdge))
}

/// A number (both sides), or an object with height and width.
pub(super) fn height_width(
    f: &Fields<'_>,
    key: &str,
) -> Result<Option<(usize, usize)>, WeightsError> {
    if let Some(Value::Object(_)) = f.value(key)
        && let Some(size) = f.section(key)?
    {
        let side = |side: &str| {
            size.count(side, 1..=MAX_SIDE)?
                .ok_or_else(|| size.invalid(side, "a length in pixels", "absent"))
        };
        return Ok(Some((side("height")?, side("width")?)));
    }
    Ok(f.count(key, 1..=MAX_SIDE)?.map(|side| (side, side)))
}
