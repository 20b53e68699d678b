//! Symmetric matrices of which half is kept.

/// Rows and columns of a block: what a group of 16 bytes in four rows holds.
const BLOCK: usize = 4;

/// How the half of a symmetric matrix `[side, side]` on and above its diagonal lies in a matrix
/// `[`[`rows`](Self::rows)`, `[`cols`](Self::cols)`]`, in whole blocks of 4 x 4.
///
/// The upper half of the rows of blocks keeps its place, one block further to the right where their number is even.
/// What is below stands in the triangle that is then free, left of the diagonal: rows of blocks become columns of
/// blocks. So little more than half the memory is taken, and every four values that stand side by side still do
/// (LAPACK's "rectangular full packed" format, by blocks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Rows and columns of the symmetric matrix.
    pub side: usize,
}

impl Packed {
    fn blocks(self) -> usize {
        self.side.div_ceil(BLOCK)
    }

    /// Rows that it takes.
    pub fn rows(self) -> usize {
        BLOCK * self.blocks().div_ceil(2)
    }

    /// Columns that it takes, a multiple of four.
    pub fn cols(self) -> usize {
        BLOCK * (self.blocks() | 1)
    }

    /// Where the value of row `row` and column `col` stands, in either order, among the values row by row.
    pub fn index(self, row: usize, col: usize) -> usize {
        let (row, col) = (row.min(col), row.max(col));
        let (down, across) = (row / BLOCK, col / BLOCK);
        let half = self.blocks().div_ceil(2);
        let is_even = 1 - self.blocks() % 2;
        let (down, across) = match down < half {
            true => (down, across + is_even),
            false => (across - half + 1 - is_even, down - half),
        };
        (BLOCK * down + row % BLOCK) * self.cols() + BLOCK * across + col % BLOCK
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_of_a_triangle_has_a_place_of_its_own_in_half_the_memory() {
        for side in (1..70).chain([576, 577]) {
            let packed = Packed { side };
            let mut taken = vec![false; packed.rows() * packed.cols()];
            for row in 0..side {
                for col in row..side {
                    let index = packed.index(row, col);
                    assert_eq!(index, packed.index(col, row));
                    assert!(!taken[index], "{side}: [{row}, {col}]");
                    taken[index] = true;
                }
            }
            let blocks = side.div_ceil(BLOCK);
            assert_eq!(taken.len(), BLOCK * BLOCK * blocks * (blocks + 1) / 2);
        }
    }
}
