// Blocks of a matrix that is read by rows and written by columns.
//
// Who imports it binds `x` as an array of vec4<f32>, and has in `params` the first row `row_begin`, the number of
// `rows`, and `x_stride`, in units of four elements.

import package::common::block::Block;
import package::common::block::block;

// Four elements of a row; beyond the last row the last one again: it lands in the padding.
fn row_of(row: u32, col4: u32) -> vec4<f32> {
    let source = params.row_begin + min(row, params.rows - 1u);
    return x[source * params.x_stride + col4];
}

// Four columns of four rows from `row` on. Rows by name: Direct3D's old compiler writes no vector of a matrix that
// is chosen at run time.
fn turned(row: u32, col4: u32) -> Block {
    return block(row_of(row, col4), row_of(row + 1u, col4), row_of(row + 2u, col4), row_of(row + 3u, col4));
}
