//! Twin of `shaders/unpack_rows.wgsl`.

use crate::blocks::Block;

/// `rows` rows of `cols` elements from row `first` on of a matrix in blocks, as a file has them.
pub fn unpack_rows(block: Block, file: &[u8], cols: usize, first: usize, rows: usize) -> Vec<f32> {
    let row = block.file_bytes(cols);
    block.decode(&file[first * row..(first + rows) * row])
}
