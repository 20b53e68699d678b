//! Block formats of quantized weights: what GGUF files hold and kernels read.
//!
//! A row of a matrix is a whole number of blocks; a block of 32 or 256 elements shares its scales. In a
//! file the parts of a block stand one after another, on whatever byte; [`Block::repack`] sorts them into
//! planes that are whole words, in no more memory but for the padding of a row.

mod decode;
mod planes;

/// A block format, by the names of the GGUF format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Block {
    /// 4 bits and a scale.
    Q4_0,
    /// 4 bits, a scale and a minimum.
    Q4_1,
    /// 5 bits and a scale.
    Q5_0,
    /// 5 bits, a scale and a minimum.
    Q5_1,
    /// 8 bits and a scale.
    Q8_0,
    /// 4 bits; 8 scales and 8 minima of 6 bits, which have a scale each.
    Q4K,
    /// The same with 5 bits.
    Q5K,
    /// 6 bits; 16 scales of 8 bits, which have a scale.
    Q6K,
}

impl Block {
    /// All formats.
    pub const ALL: [Self; 8] = [
        Self::Q4_0,
        Self::Q4_1,
        Self::Q5_0,
        Self::Q5_1,
        Self::Q8_0,
        Self::Q4K,
        Self::Q5K,
        Self::Q6K,
    ];

    /// Elements of a block.
    pub fn elements(self) -> usize {
        match self {
            Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::Q8_0 => 32,
            Self::Q4K | Self::Q5K | Self::Q6K => 256,
        }
    }

    /// Bytes of a block in a file.
    pub fn bytes(self) -> usize {
        match self {
            Self::Q4_0 => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::Q8_0 => 34,
            Self::Q4K => 144,
            Self::Q5K => 176,
            Self::Q6K => 210,
        }
    }

    /// `q4_0`, `q4_k`, ...
    pub fn name(self) -> &'static str {
        match self {
            Self::Q4_0 => "q4_0",
            Self::Q4_1 => "q4_1",
            Self::Q5_0 => "q5_0",
            Self::Q5_1 => "q5_1",
            Self::Q8_0 => "q8_0",
            Self::Q4K => "q4_k",
            Self::Q5K => "q5_k",
            Self::Q6K => "q6_k",
        }
    }

    /// Where the f16 of a block stand in a file: its scales.
    pub fn scales(self) -> &'static [usize] {
        match self {
            Self::Q4_0 | Self::Q5_0 | Self::Q8_0 => &[0],
            Self::Q4_1 | Self::Q5_1 | Self::Q4K | Self::Q5K => &[0, 2],
            Self::Q6K => &[208],
        }
    }

    /// Bytes of a row of `cols` elements in a file; what is no whole block counts as one.
    pub fn file_bytes(self, cols: usize) -> usize {
        cols.div_ceil(self.elements()) * self.bytes()
    }
}
