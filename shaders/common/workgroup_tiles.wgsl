// Tiles of both operands of a product in workgroup memory, and what invocations take from them.
//
// Who imports it binds `a` as an array of vec4<f32>, has in `params` the first element of the inner dimension,
// `k_begin`. It is imported last: naga takes overrides in their order, and sizes of arrays that are computed from some,
// which are overrides without a name, have to come behind all others.

import package::common::block::Block;
import package::common::block::add;
import package::common::block::block;
import package::common::stored::Eight;
import package::common::tile::Rows;
import package::common::tile::place;
import package::common::weights::keep8;
import package::common::weights::weights8;

// Tiles are 32 elements deep: eight groups of four ("quads") per row, each at its `place`. All eight are
// written out: a loop over them keeps drivers from reading the next quad while they multiply (a third of
// the speed on an H100).
const DEPTH: u32 = 32u;
// How `b` is stored, see dtype.wgsl.
override DTYPE: u32 = 0u;
// Rows of a tile of `tiled_64`: 64 or 32.
override TILE_ROWS: u32 = 64u;
// Rows of the tiles: half as many as `tiled_128` needs where only `tiled_64` runs.
override LINES: u32 = 64u;
var<workgroup> a_tile: array<vec4<f32>, LINES * 8u>;
var<workgroup> b_tile: array<vec4<f32>, LINES * 8u>;

// Column of the tile that stands in row `row` of `b_tile`: an invocation reads every 16th row, and writes
// four neighbouring columns.
fn column_of(row: u32) -> u32 {
    return (row / 64u) * 64u + (row % 16u) * 4u + (row / 16u) % 4u;
}

// Eight elements of the inner dimension from `k` on, of the row of `a` that begins at `row`. Beyond `end`
// come elements of no meaning, which `keep_a` drops: a load that depends on a condition would keep
// drivers from moving it.
fn load_a(row: u32, k: u32, end: u32) -> Eight {
    let last = (params.k_begin + end - 1u) / 4u;
    let quad = (params.k_begin + k) / 4u;
    return Eight(a[row + min(quad, last)], a[row + min(quad + 1u, last)]);
}

fn load_b(row: u32, k: u32, end: u32) -> Eight {
    return weights8(DTYPE, row, params.k_begin + k, params.k_begin + end - 1u);
}

// Puts eight elements, of which `valid` count, into a tile.
fn keep_a(line: u32, eighth: u32, value: Eight, valid: u32) {
    let kept = keep8(value, valid);
    a_tile[place(line, 2u * eighth)] = kept.low;
    a_tile[place(line, 2u * eighth + 1u)] = kept.high;
}

fn keep_b(line: u32, eighth: u32, value: Eight, valid: u32) {
    let kept = keep8(value, valid);
    b_tile[place(line, 2u * eighth)] = kept.low;
    b_tile[place(line, 2u * eighth + 1u)] = kept.high;
}

// A quad of four columns of the tile, from row `row` of `b_tile` on, every 16th row.
fn columns(row: u32, quad: u32) -> Block {
    let base = place(row, quad);
    return block(b_tile[base], b_tile[base + 128u], b_tile[base + 256u], b_tile[base + 384u]);
}

// Adds the products of a quad of eight rows of the tile, from `base` on, with a block.
fn add_quad(sums: Rows, base: u32, quad: u32, b4: Block) -> Rows {
    return Rows(
        add(sums.r0, a_tile[base + quad], b4),
        add(sums.r1, a_tile[base + 8u + (quad ^ 1u)], b4),
        add(sums.r2, a_tile[base + 16u + (quad ^ 2u)], b4),
        add(sums.r3, a_tile[base + 24u + (quad ^ 3u)], b4),
        add(sums.r4, a_tile[base + 32u + (quad ^ 4u)], b4),
        add(sums.r5, a_tile[base + 40u + (quad ^ 5u)], b4),
        add(sums.r6, a_tile[base + 48u + (quad ^ 6u)], b4),
        add(sums.r7, a_tile[base + 56u + (quad ^ 7u)], b4),
    );
}

// Eight rows of sums in the tile of `a`, for another invocation.
fn share(at: u32, sums: Rows) {
    a_tile[at] = sums.r0;
    a_tile[at + 8u] = sums.r1;
    a_tile[at + 16u] = sums.r2;
    a_tile[at + 24u] = sums.r3;
    a_tile[at + 32u] = sums.r4;
    a_tile[at + 40u] = sums.r5;
    a_tile[at + 48u] = sums.r6;
    a_tile[at + 56u] = sums.r7;
}

fn shared_rows(at: u32) -> Rows {
    return Rows(
        a_tile[at], a_tile[at + 8u], a_tile[at + 16u], a_tile[at + 24u],
        a_tile[at + 32u], a_tile[at + 40u], a_tile[at + 48u], a_tile[at + 56u],
    );
}
