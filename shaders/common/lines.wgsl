// Which rows of the operands a product reads.
//
// Who imports it has in `params` the rows `m` and columns `n` of the result and the strides of the operands.

import package::common::epilogue::GATED;

// Where a row begins, in units of 16 bytes; the last row stands for those beyond.
fn a_row(row: u32) -> u32 {
    return min(row, params.m - 1u) * params.a_stride;
}

fn b_row(row: u32) -> u32 {
    return min(row, lines() - 1u) * params.b_stride;
}

// Rows of `b`: as many as columns of the tiles.
fn lines() -> u32 {
    return select(params.n, 2u * params.n, GATED);
}

// Where the row of `b` begins that is column `col` of the tile from `first` on. The columns of a gated tile are
// `half` of the gate's, and as many of what it is to multiply.
fn tile_line(first: u32, col: u32, half: u32) -> u32 {
    let other = select(0u, params.n - half, col >= half);
    return b_row(select(first + col, first / 2u + col + other, GATED));
}
