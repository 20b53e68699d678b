//! From blocks to f32, with the roundings of the `gguf` package.

use half::f16;

use super::Block;

impl Block {
    /// The elements of whole blocks as a file has them; what is left over at the end is not looked at.
    pub fn decode(self, file: &[u8]) -> Vec<f32> {
        let blocks = file.chunks_exact(self.bytes());
        let mut values = Vec::with_capacity(blocks.len() * self.elements());
        for block in blocks {
            match self {
                Self::Q8_0 => {
                    let scale = half(block, 0);
                    let quants = block[2..].iter();
                    values.extend(quants.map(|&quant| scale * f32::from(quant as i8)));
                }
                Self::Q4_0 | Self::Q5_0 => {
                    let (scale, middle) = (half(block, 0), self.levels() / 2);
                    let quant = |i| scale * (i32::from(self.small(block, i)) - middle) as f32;
                    values.extend((0..32).map(quant));
                }
                Self::Q4_1 | Self::Q5_1 => {
                    let (scale, least) = (half(block, 0), half(block, 2));
                    let quant = |i| scale * f32::from(self.small(block, i)) + least;
                    values.extend((0..32).map(quant));
                }
                Self::Q4K | Self::Q5K => {
                    for part in 0..8 {
                        let (scale, least) = scale_and_least(&block[4..16], part);
                        let scale = half(block, 0) * f32::from(scale);
                        let least = half(block, 2) * f32::from(least);
                        let quant = |i| scale * f32::from(self.large(block, part, i)) - least;
                        values.extend((0..32).map(quant));
                    }
                }
                Self::Q6K => values.extend((0..256).map(|i| {
                    let scale = half(block, 208) * f32::from(block[192 + i / 16] as i8);
                    scale * f32::from(six_bits(block, i))
                })),
            }
        }
        values
    }

    /// Values that a quant of a block of 32 can have.
    fn levels(self) -> i32 {
        match self {
            Self::Q5_0 | Self::Q5_1 => 32,
            _ => 16,
        }
    }

    /// Quant `i` of a block of 32 with 4 or 5 bits: low halves of bytes, then the high ones; fifth bits
    /// stand before them.
    fn small(self, block: &[u8], i: usize) -> u8 {
        let (quants, high) = match self {
            Self::Q4_0 => (2, None),
            Self::Q4_1 => (4, None),
            Self::Q5_0 => (6, Some(2)),
            _ => (8, Some(4)),
        };
        let fifth = high.map_or(0, |at| block[at + i / 8] >> (i % 8) & 1);
        block[quants + i % 16] >> (i / 16 * 4) & 15 | fifth << 4
    }

    /// Quant `i` of the 32 in a part of a block of 256 with 4 or 5 bits: two parts share 32 bytes, and
    /// all of them the bytes of fifth bits.
    fn large(self, block: &[u8], part: usize, i: usize) -> u8 {
        let (quants, fifth) = match self {
            Self::Q5K => (48, block[16 + i] >> part & 1),
            _ => (16, 0),
        };
        block[quants + part / 2 * 32 + i] >> (part % 2 * 4) & 15 | fifth << 4
    }
}

/// The f16 at a byte.
fn half(block: &[u8], at: usize) -> f32 {
    f16::from_le_bytes([block[at], block[at + 1]]).to_f32()
}

/// Scale and minimum of a part of a block of 256, 6 bits each, in 12 bytes.
fn scale_and_least(packed: &[u8], part: usize) -> (u8, u8) {
    match part {
        0..4 => (packed[part] & 63, packed[part + 4] & 63),
        _ => (
            packed[part + 4] & 15 | packed[part - 4] >> 6 << 4,
            packed[part + 4] >> 4 | packed[part] >> 6 << 4,
        ),
    }
}

/// Quant `i` of a block with 6 bits: of each half of it, 32 elements have the low halves of bytes, the next
/// 32 those of other bytes, then the high ones; two more bits stand behind them.
fn six_bits(block: &[u8], i: usize) -> i8 {
    let (part, quarter, at) = (i / 128, i % 128 / 32, i % 32);
    let low = block[part * 64 + quarter % 2 * 32 + at] >> (quarter / 2 * 4) & 15;
    let high = block[128 + part * 32 + at] >> (quarter * 2) & 3;
    (low | high << 4) as i8 - 32
}
