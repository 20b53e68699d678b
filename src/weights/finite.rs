//! Looks for NaN and infinities among stored weights.

use std::ops::Range;

use super::{error::WeightsError, tensor::StorageType, tensor_info::TensorInfo};

/// Bytes read at once.
const PART: u64 = 16 << 20;

/// A stored number that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFinite {
    /// Its place in the tensor, row-major from 0.
    pub index: u64,
    /// `NaN` or `infinity`.
    pub value: &'static str,
}

impl TensorInfo {
    /// The tensor's bytes in parts of bounded size, of whole blocks where there are some.
    pub fn parts(&self) -> impl Iterator<Item = Range<u64>> + use<> {
        let (begin, end) = (self.begin, self.end);
        let (_, unit) = self.dtype.unit().unwrap_or((1, 1));
        let step = PART / unit.max(1) as u64 * unit.max(1) as u64;
        (0..(end - begin).div_ceil(step)).map(move |part| {
            let start = begin + part * step;
            start..end.min(start + step)
        })
    }

    /// The bytes of one of [`TensorInfo::parts`], as they are stored.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_part(&self, part: Range<u64>) -> Result<Vec<u8>, WeightsError> {
        Ok(self.source.read_range(&self.file, part)?)
    }

    /// The first NaN or infinity in one of [`TensorInfo::parts`].
    ///
    /// # Errors
    /// The file cannot be read, or the tensor's type has no kernel.
    pub fn not_finite(&self, part: Range<u64>) -> Result<Option<NotFinite>, WeightsError> {
        let storage = self.checked_storage()?;
        let (elements, unit) = storage.unit();
        let before = (part.start - self.begin) / unit as u64 * elements as u64;
        let bytes = self.source.read_range(&self.file, part)?;
        let found = match storage {
            StorageType::F32 => first(bytes.as_chunks::<4>().0, 0x7f80_0000, |b| {
                u32::from_le_bytes(*b)
            }),
            StorageType::F16 => first(bytes.as_chunks::<2>().0, 0x7c00, half_bits),
            StorageType::BF16 => first(bytes.as_chunks::<2>().0, 0x7f80, half_bits),
            StorageType::Blocks(block) => {
                let values = block.decode(&bytes);
                let found = values.iter().position(|value| !value.is_finite());
                found.map(|index| {
                    let infinite = values[index].is_infinite();
                    (index, if infinite { "infinity" } else { "NaN" })
                })
            }
        };
        Ok(found.map(|(index, value)| NotFinite {
            index: before + index as u64,
            value,
        }))
    }
}

fn half_bits(bytes: &[u8; 2]) -> u32 {
    u32::from(u16::from_le_bytes(*bytes))
}

/// The first number whose exponent, the bits of `mask`, is all ones.
fn first<const N: usize>(
    numbers: &[[u8; N]],
    mask: u32,
    bits: impl Fn(&[u8; N]) -> u32,
) -> Option<(usize, &'static str)> {
    let index = numbers.iter().position(|n| bits(n) & mask == mask)?;
    // The mantissa lies below the exponent; of an infinity it is 0.
    let mantissa = bits(&numbers[index]) & (mask & mask.wrapping_neg()).wrapping_sub(1);
    Some((index, if mantissa == 0 { "infinity" } else { "NaN" }))
}
