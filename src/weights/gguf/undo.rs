//! What the converters of llama.cpp do to a tensor, and how it is undone.

use std::ops::Range;

use super::super::tensor::{HostTensor, StorageType};

/// A change that is undone where a tensor is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// None.
    Nothing,
    /// Rows were reordered head by head: rotary pairs stand beside each other, instead of the first halves of
    /// all pairs before the second ones. Whole rows moved, so blocks stay what they are.
    Pairs {
        /// Rows of a head, even.
        head: usize,
    },
    /// 1 was added: norms that multiply by 1 + weight.
    Plus1,
}

impl Undo {
    /// The rows that have to be read for `rows`: whole heads.
    pub(crate) fn covering(self, rows: &Range<usize>) -> Range<usize> {
        match self {
            Self::Pairs { head } => rows.start / head * head..rows.end.div_ceil(head) * head,
            Self::Nothing | Self::Plus1 => rows.clone(),
        }
    }

    /// The tensor, or [covering](Undo::covering) rows of it, as it was.
    pub(crate) fn whole(self, tensor: HostTensor) -> HostTensor {
        match self {
            Self::Nothing => tensor,
            Self::Plus1 => {
                let values: Vec<f32> = tensor.to_f32().iter().map(|value| value - 1.0).collect();
                HostTensor {
                    dtype: StorageType::F32,
                    bytes: bytemuck::cast_slice(&values).to_vec(),
                    ..tensor
                }
            }
            Self::Pairs { head } => {
                let row = tensor.dtype.bytes(tensor.shape.iter().skip(1).product());
                let mut bytes = Vec::with_capacity(tensor.bytes.len());
                for of_head in tensor.bytes.chunks((head * row).max(1)) {
                    for half in 0..2 {
                        let rows = of_head.chunks(row.max(1)).skip(half).step_by(2);
                        rows.for_each(|row| bytes.extend_from_slice(row));
                    }
                }
                HostTensor { bytes, ..tensor }
            }
        }
    }
}
