//! What the converters of llama.cpp do to a tensor, and how it is undone.

use std::ops::Range;

/// A change that is undone where a tensor is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undo {
    /// None.
    Nothing,
    /// Rows were reordered head by head: rotary pairs stand beside each other, instead of the first halves of
    /// all pairs before the second ones. Whole rows moved, so blocks stay what they are.
    Pairs {
        /// Rows of a head, even.
        head: usize,
    },
    /// 1 was added to f32: norms that multiply by 1 + weight.
    Plus1,
}

impl Undo {
    /// The rows that have to be read for `rows`: whole heads.
    pub(super) fn covering(self, rows: &Range<usize>) -> Range<usize> {
        match self {
            Self::Pairs { head } => rows.start / head * head..rows.end.div_ceil(head) * head,
            Self::Nothing | Self::Plus1 => rows.clone(),
        }
    }

    /// [Covering](Undo::covering) rows of `row` bytes each as they were.
    pub(super) fn undone(self, bytes: Vec<u8>, row: usize) -> Vec<u8> {
        match self {
            Self::Nothing => bytes,
            Self::Plus1 => {
                let values = bytes.as_chunks::<4>().0.iter();
                let values = values.map(|value| f32::from_le_bytes(*value) - 1.0);
                values.flat_map(f32::to_le_bytes).collect()
            }
            Self::Pairs { head } => {
                let mut undone = Vec::with_capacity(bytes.len());
                for of_head in bytes.chunks((head * row).max(1)) {
                    for half in 0..2 {
                        let rows = of_head.chunks(row.max(1)).skip(half).step_by(2);
                        rows.for_each(|row| undone.extend_from_slice(row));
                    }
                }
                undone
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_parted_head_by_head() {
        let undo = Undo::Pairs { head: 4 };
        assert_eq!(undo.covering(&(5..6)), 4..8);
        assert_eq!(undo.covering(&(0..9)), 0..12);
        let undone = undo.undone(vec![0, 0, 2, 2, 1, 1, 3, 3, 4, 4, 6, 6, 5, 5, 7, 7], 2);
        assert_eq!(undone, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]);
    }
}
