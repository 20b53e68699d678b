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
    /// A kernel over two frames was cut along its third axis. The tensor lies where its first frame lies.
    Frames {
        /// Where the second frame begins in the file.
        second: u64,
    },
}

impl Undo {
    /// The rows that have to be read for `rows`: whole heads.
    pub(super) fn covering(self, rows: &Range<usize>) -> Range<usize> {
        match self {
            Self::Pairs { head } => rows.start / head * head..rows.end.div_ceil(head) * head,
            Self::Nothing | Self::Plus1 | Self::Frames { .. } => rows.clone(),
        }
    }

    /// [Covering](Undo::covering) rows of `row` bytes each as they were.
    pub(super) fn undone(self, bytes: Vec<u8>, row: usize) -> Vec<u8> {
        match self {
            Self::Nothing | Self::Frames { .. } => bytes,
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

/// Two frames of planes of `plane` bytes as one tensor again: a plane of the first, the same one of the
/// second, and so on.
pub(super) fn woven([first, second]: [&[u8]; 2], plane: usize) -> Vec<u8> {
    let planes = |frame| <[u8]>::chunks(frame, plane.max(1));
    let pairs = planes(first).zip(planes(second));
    pairs
        .flat_map(|(one, other)| [one, other].concat())
        .collect()
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

    #[test]
    fn frames_are_woven_plane_by_plane() {
        assert_eq!(
            woven([&[1, 2, 5, 6], &[3, 4, 7, 8]], 2),
            [1, 2, 3, 4, 5, 6, 7, 8]
        );
    }
}
