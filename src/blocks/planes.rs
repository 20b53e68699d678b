//! The order of a row's bytes on the device.

use super::Block;

/// What begins a group of 16 bytes: kernels load one at a time.
const GROUP: usize = 16;
/// Bytes of a word.
const WORD: usize = 4;

/// The first byte of a part of a block in a file, and the one behind its last.
type Part = [usize; 2];

fn len([first, behind]: &Part) -> usize {
    behind - first
}

impl Block {
    /// Parts of a block of which each has a plane of its own at the beginning of the row: so few bytes that
    /// several blocks share a group.
    fn heads(self) -> &'static [Part] {
        match self {
            Self::Q4_0 | Self::Q8_0 => &[[0, 2]],
            Self::Q4_1 => &[[0, 4]],
            Self::Q5_0 => &[[0, 2], [2, 6]],
            Self::Q5_1 => &[[0, 4], [4, 8]],
            Self::Q4K | Self::Q5K => &[],
            Self::Q6K => &[[208, 210]],
        }
    }

    /// The parts that follow in the last plane, block by block: whole groups, scales before quants.
    fn body(self) -> &'static [Part] {
        match self {
            Self::Q4_0 => &[[2, 18]],
            Self::Q4_1 => &[[4, 20]],
            Self::Q5_0 => &[[6, 22]],
            Self::Q5_1 => &[[8, 24]],
            Self::Q8_0 => &[[2, 34]],
            Self::Q4K => &[[0, 144]],
            Self::Q5K => &[[0, 176]],
            Self::Q6K => &[[192, 208], [128, 192], [0, 128]],
        }
    }

    /// Bytes before the last plane in a row of so many blocks.
    fn head_bytes(self, blocks: usize) -> usize {
        let planes = self.heads().iter().map(|part| blocks * len(part));
        let planes = planes.map(|bytes| bytes.next_multiple_of(WORD));
        planes.sum::<usize>().next_multiple_of(GROUP)
    }

    /// Bytes of a row of `cols` elements on the device: whole groups of 16.
    pub fn row_bytes(self, cols: usize) -> usize {
        let blocks = cols.div_ceil(self.elements());
        let body: usize = self.body().iter().map(len).sum();
        self.head_bytes(blocks) + blocks * body
    }

    /// Rows of `cols` elements as a file has them, for the device.
    pub fn repack(self, cols: usize, file: &[u8]) -> Vec<u8> {
        let from = self.file_bytes(cols).max(1);
        let to = self.row_bytes(cols);
        let mut packed = vec![0; file.len() / from * to];
        for (row, target) in file
            .chunks_exact(from)
            .zip(packed.chunks_exact_mut(to.max(1)))
        {
            self.repack_row(row, target);
        }
        packed
    }

    fn repack_row(self, row: &[u8], target: &mut [u8]) {
        let blocks = row.len() / self.bytes();
        let (head, body) = target.split_at_mut(self.head_bytes(blocks));
        let mut at = 0;
        for part in self.heads() {
            let places = head[at..].chunks_exact_mut(len(part));
            for (block, place) in row.chunks_exact(self.bytes()).zip(places) {
                place.copy_from_slice(&block[part[0]..part[1]]);
            }
            at += (blocks * len(part)).next_multiple_of(WORD);
        }
        let places = body.chunks_exact_mut(self.body().iter().map(len).sum());
        for (block, mut place) in row.chunks_exact(self.bytes()).zip(places) {
            for part in self.body() {
                let (here, rest) = place.split_at_mut(len(part));
                here.copy_from_slice(&block[part[0]..part[1]]);
                place = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_a_block_has_one_place() {
        for block in Block::ALL {
            let mut parts: Vec<usize> = (block.heads().iter().chain(block.body()))
                .flat_map(|&[first, behind]| first..behind)
                .collect();
            parts.sort_unstable();
            assert_eq!(parts, (0..block.bytes()).collect::<Vec<_>>(), "{block:?}");
            let body: usize = block.body().iter().map(len).sum();
            assert!(body.is_multiple_of(GROUP), "{block:?}");
        }
    }

    #[test]
    fn a_row_is_no_larger_than_in_the_file_but_for_its_padding() {
        for block in Block::ALL {
            for cols in
                [256, 576, 2048, 4096].map(|cols: usize| cols.next_multiple_of(block.elements()))
            {
                let (file, device) = (block.file_bytes(cols), block.row_bytes(cols));
                assert!(device < file + GROUP + WORD, "{block:?} {cols}: {device}");
                if cols.is_multiple_of(8 * block.elements()) {
                    assert_eq!(device, file, "{block:?} {cols}");
                }
            }
        }
    }

    #[test]
    fn the_scales_of_a_row_stand_before_its_quants() {
        // Two blocks of 4 bits: scales 1 and 2, quants that are all 3 and all 4.
        let file = [vec![1, 0], vec![3; 16], vec![2, 0], vec![4; 16]].concat();
        let packed = Block::Q4_0.repack(64, &file);
        assert_eq!(packed[..4], [1, 0, 2, 0]);
        assert_eq!(packed[4..16], [0; 12]);
        assert_eq!(packed[16..], [vec![3; 16], vec![4; 16]].concat());
    }
}
