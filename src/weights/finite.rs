//! Looks for NaN and infinities among stored weights.

use std::ops::Range;

use super::{error::WeightsError, tensor::StorageType, tensor_info::TensorInfo};

/// Bytes read at once.
const PART: usize = 16 << 20;

/// A stored number that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotFinite {
    /// Its place in the tensor, row-major from 0.
    pub index: u64,
    /// `NaN` or `infinity`.
    pub value: &'static str,
}

impl TensorInfo {
    /// The tensor's elements in parts of bounded size, of whole blocks where there are some.
    pub fn parts(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (elements, bytes) = self.dtype.unit().unwrap_or((1, 1));
        let step = PART / bytes.max(1) * elements;
        let all = usize::try_from(self.elements()).unwrap_or(usize::MAX);
        (0..all.div_ceil(step))
            .map(move |part| part * step..all.min((part + 1).saturating_mul(step)))
    }

    /// The first NaN or infinity among `bytes`, which are the tensor's elements from `begin` on.
    ///
    /// # Errors
    /// The tensor's type has no kernel.
    pub fn not_finite(
        &self,
        begin: usize,
        bytes: &[u8],
    ) -> Result<Option<NotFinite>, WeightsError> {
        let found = match self.checked_storage()? {
            StorageType::F32 => first(bytes.as_chunks::<4>().0, 0x7f80_0000, |b| {
                u32::from_le_bytes(*b)
            }),
            StorageType::F16 => first(bytes.as_chunks::<2>().0, 0x7c00, half_bits),
            StorageType::BF16 => first(bytes.as_chunks::<2>().0, 0x7f80, half_bits),
            StorageType::Blocks(block) => {
                let values = block.decode(bytes);
                let found = values.iter().position(|value| !value.is_finite());
                found.map(|index| {
                    let infinite = values[index].is_infinite();
                    (index, if infinite { "infinity" } else { "NaN" })
                })
            }
        };
        Ok(found.map(|(index, value)| NotFinite {
            index: (begin + index) as u64,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use safetensors::Dtype;

    use super::*;
    use crate::weights::{MemorySource, tensor::FileType, undo::Undo};

    /// f32 in a file, and a tensor of them.
    fn tensor(
        values: &[f32],
        shape: &[usize],
        strides: Option<&[usize]>,
        undo: Undo,
    ) -> TensorInfo {
        let stored: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let elements: usize = shape.iter().product();
        TensorInfo {
            name: "a".into(),
            file: "a.bin".into(),
            dtype: FileType::Plain(Dtype::F32),
            shape: shape.to_vec(),
            strides: strides.map(<[usize]>::to_vec),
            undo,
            begin: 0,
            end: match undo {
                Undo::Frames { .. } => elements as u64 * 2,
                _ => stored.len() as u64,
            },
            source: Arc::new(MemorySource::new("memory").with("a.bin", stored)),
        }
    }

    fn found(tensor: &TensorInfo) -> Option<NotFinite> {
        tensor.parts().find_map(|part| {
            let begin = part.start;
            let bytes = tensor.read_elements(part).unwrap();
            tensor.not_finite(begin, &bytes).unwrap()
        })
    }

    #[test]
    fn the_second_frame_of_a_kernel_is_looked_through_as_well() {
        // [1, 1, 2, 1, 2], of which the second frame lies behind other bytes.
        let second = Undo::Frames { second: 16 };
        let whole = tensor(
            &[1., 2., f32::NAN, 0., 3., 4.],
            &[1, 1, 2, 1, 2],
            None,
            second,
        );
        assert_eq!(found(&whole), None);
        assert_eq!(whole.bytes(), 16);
        let values = [1., 2., 0., 0., 3., f32::INFINITY];
        let broken = tensor(&values, &[1, 1, 2, 1, 2], None, second);
        let at = NotFinite {
            index: 3,
            value: "infinity",
        };
        assert_eq!(found(&broken), Some(at));
    }

    #[test]
    fn elements_that_stand_apart_are_counted_as_the_tensor_has_them() {
        // A matrix [3, 2] turned, and the half of one that is no part of the tensor.
        let values = [0., 1., 2., f32::NAN, 4., 5.];
        let turned = tensor(&values, &[2, 3], Some(&[1, 2]), Undo::Nothing);
        let at = NotFinite {
            index: 4,
            value: "NaN",
        };
        assert_eq!(found(&turned), Some(at));
        let beside = tensor(&values, &[3], Some(&[2]), Undo::Nothing);
        assert_eq!(found(&beside), None);
    }
}
