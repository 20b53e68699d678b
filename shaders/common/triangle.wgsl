// Which tile of a result a workgroup computes, and where it is written: any, or of a symmetric result those on
// and above the diagonal, which also stand below it, turned, or are all that is kept.
//
// Who imports it has in `params` the result's rows `m` and columns `n`, the first workgroup, `first_x` and
// `first_y`, and what the epilogue asks for.

import package::common::block::Block;
import package::common::epilogue::finish;
import package::common::epilogue::finish_gated;

// The result equals its transpose: only tiles on and above the diagonal are computed, and written to both
// their places. Needs square tiles.
override SYMMETRIC: bool = false;

// Of a symmetric result only blocks of four rows and four columns on and above the diagonal are written, folded
// into a matrix of half the size (`kernels::matmul::Packed`).
override PACKED: bool = false;

// Those from the diagonal on of `count` rows of squares come in a rectangle of half as many rows: row y of it holds
// those of row y and, of what is left, of the last but y. Row and column of the square at `x` and `y` of it.
fn unfolded(x: u32, y: u32, count: u32) -> vec2<u32> {
    if x < count - y {
        return vec2<u32>(y, x + y);
    }
    let is_even = 1u - count % 2u;
    return vec2<u32>(count - is_even - y, x - is_even);
}

// First row and column of a workgroup's tile.
fn tile_of(group: vec3<u32>, rows: u32, cols: u32) -> vec2<u32> {
    let x = params.first_x + group.x;
    let y = params.first_y + group.y;
    if !SYMMETRIC && !PACKED {
        return vec2<u32>(y * rows, x * cols);
    }
    return unfolded(x, y, (params.m + rows - 1u) / rows) * rows;
}

// Rows of invocations of a workgroup that takes blocks without a tile.
override GROUP_ROWS: u32 = 8u;

// First row and column of an invocation's block of `side` rows and columns, for workgroups of 8 x GROUP_ROWS. Blocks
// of half a result are dealt out one after the other, whatever tile they are in: those below the diagonal would cost
// as much as the others. There is none for the last invocations: they get a row beyond the result.
fn block_of(group: vec3<u32>, local: vec3<u32>, side: u32) -> vec2<u32> {
    let x = (params.first_x + group.x) * 8u + local.x;
    let y = (params.first_y + group.y) * GROUP_ROWS + local.y;
    if !SYMMETRIC && !PACKED {
        return vec2<u32>(y, x) * side;
    }
    let index = ((params.first_x + group.x) * GROUP_ROWS + local.y) * 8u + local.x;
    let count = (params.m + side - 1u) / side;
    let across = count | 1u;
    if index >= across * ((count + 1u) / 2u) {
        return vec2<u32>(params.m, params.n);
    }
    return unfolded(index % across, index / across, count) * side;
}

// Writes four values of the result; `piece` counts pieces of the inner dimension.
fn store(piece: u32, row: u32, col4: u32, sum: vec4<f32>) {
    if row >= params.m || col4 * 4u >= params.n {
        return;
    }
    if !PACKED {
        finish(piece * params.m + row, row, col4, sum);
        return;
    }
    if row / 4u > col4 {
        return;
    }
    // The upper half of the rows of blocks keeps its place; what is below stands left of its diagonal, turned
    // block by block.
    let blocks = (params.m + 3u) / 4u;
    let half = (blocks + 1u) / 2u;
    let is_even = 1u - blocks % 2u;
    var row4 = row / 4u;
    var place4 = col4 + is_even;
    if row4 >= half {
        place4 = row4 - half;
        row4 = col4 - half + 1u - is_even;
    }
    let place = 4u * row4 + row % 4u;
    finish(piece * 4u * half + place, place, place4, sum);
}

// Writes four values of a gated result, whose inner dimension is never cut.
fn store_gated(row: u32, col4: u32, gate: vec4<f32>, up: vec4<f32>) {
    if row < params.m && col4 * 4u < params.n {
        finish_gated(row, row, col4, gate, up);
    }
}

// Writes a block of four rows and four columns, given by columns, to its place beyond the diagonal.
fn mirror(piece: u32, row4: u32, col4: u32, turned: Block) {
    store(piece, 4u * col4, row4, turned.x);
    store(piece, 4u * col4 + 1u, row4, turned.y);
    store(piece, 4u * col4 + 2u, row4, turned.z);
    store(piece, 4u * col4 + 3u, row4, turned.w);
}
