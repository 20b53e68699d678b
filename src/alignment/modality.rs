//! The two clouds of tokens that a metric compares.

use std::fmt;

/// Where a token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// An image token.
    Vision,
    /// A text token.
    Text,
}

impl Modality {
    /// Both, vision first: the order of all pairs of values here.
    pub const ALL: [Self; 2] = [Self::Vision, Self::Text];

    /// Its place in that order.
    pub fn index(self) -> usize {
        match self {
            Self::Vision => 0,
            Self::Text => 1,
        }
    }
}

impl fmt::Display for Modality {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Vision => "vision",
            Self::Text => "text",
        })
    }
}
