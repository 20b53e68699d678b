// out = activation(scale * a . b^T + bias) + residual
//
// a [m, k] f32, b [n, k] in any storage type (the layout of a PyTorch Linear weight), bias [n],
// residual and out [m, n]. Rows are padded to multiples of 16 bytes, so every access is one vec4.
//
// `tiled_128` and `tiled_64` share tiles in workgroup memory: 128 x 128 with 8 x 8 values per invocation,
// TILE_ROWS x 64 with 8 x 4; `direct` keeps 8 x 8 in registers and has no barrier, for adapters where
// barriers are dear. Where the inner dimension is cut in pieces, each writes its bare sums, piece by
// piece, for `sum_pieces` to join.

import package::common::activation::activate4;
import package::common::block::Block;
import package::common::block::add;
import package::common::block::block;
import package::common::keep::keep;
import package::common::tile::Rows;
import package::common::tile::place;
import package::common::weights::Eight;
import package::common::weights::keep8;
import package::common::weights::weights4;
import package::common::weights::weights8;

override DTYPE: u32 = 0u;
override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Adds to what stands in `out` instead of replacing it.
override ACCUMULATE: bool = false;
// The result equals its transpose: only tiles on and above the diagonal are computed, and written to both
// their places. Needs square tiles.
override SYMMETRIC: bool = false;
// Rows of a tile of `tiled_64`: 64 or 32.
override TILE_ROWS: u32 = 64u;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    // First element of the inner dimension, a multiple of 8.
    k_begin: u32,
    // Strides in units of 16 bytes.
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
    residual_stride: u32,
    // First row of the result in `out` and in `residual`.
    out_row: u32,
    residual_row: u32,
    // First column of the result in `out`, `bias` and `residual`, in units of four.
    out_col: u32,
    scale: f32,
    // Elements of the inner dimension in a piece, a multiple of 32.
    piece: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

// Writes four values of the result; `piece` counts pieces of the inner dimension.
fn store(piece: u32, row: u32, col4: u32, sum: vec4<f32>) {
    if row >= params.m || col4 * 4u >= params.n {
        return;
    }
    var value = sum * params.scale;
    if HAS_BIAS {
        value += bias[params.out_col + col4];
    }
    value = activate4(ACTIVATION, value);
    if HAS_RESIDUAL {
        value += residual[(params.residual_row + row) * params.residual_stride + params.out_col + col4];
    }
    let index = (params.out_row + piece * params.m + row) * params.out_stride + params.out_col + col4;
    if ACCUMULATE {
        value += out[index];
    }
    out[index] = value;
}

// First row and column of a workgroup's tile. Tiles of a symmetric result come in a rectangle of half as many
// rows: row y of them holds those from the diagonal on of rows y and, of what is left, of the last but y.
fn tile_of(group: vec3<u32>, rows: u32, cols: u32) -> vec2<u32> {
    if !SYMMETRIC {
        return vec2<u32>(group.y * rows, group.x * cols);
    }
    let count = (params.m + rows - 1u) / rows;
    let is_even = 1u - count % 2u;
    if group.x < count - group.y {
        return vec2<u32>(group.y, group.x + group.y) * rows;
    }
    return vec2<u32>(count - is_even - group.y, group.x - is_even) * rows;
}

// Writes four rows and four columns of a symmetric result beyond the diagonal.
fn mirror(piece: u32, row: u32, col4: u32, turned: Block) {
    store(piece, 4u * col4, row / 4u, turned.x);
    store(piece, 4u * col4 + 1u, row / 4u, turned.y);
    store(piece, 4u * col4 + 2u, row / 4u, turned.z);
    store(piece, 4u * col4 + 3u, row / 4u, turned.w);
}

// Products of one group of four of a row of `a` with four rows of `b`.
fn dots(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, b0), dot(x, b1), dot(x, b2), dot(x, b3));
}

// Loops over rows are written out: compilers that bound loops do not unroll them, and sums in
// arrays then live in memory instead of registers.
@compute @workgroup_size(8, 8)
fn direct(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let tile = tile_of(id, 64u, 64u);
    let row = tile.x + local.y * 8u;
    let col = tile.y + local.x * 8u;
    if row >= params.m || col >= params.n {
        return;
    }
    let begin = id.z * params.piece;
    let count = min(params.piece, params.k - begin);
    let first = (params.k_begin + begin) / 4u;
    let last_row = params.m - 1u;
    let last_col = params.n - 1u;
    let a0_row = min(row + 0u, last_row) * params.a_stride + first;
    let a1_row = min(row + 1u, last_row) * params.a_stride + first;
    let a2_row = min(row + 2u, last_row) * params.a_stride + first;
    let a3_row = min(row + 3u, last_row) * params.a_stride + first;
    let a4_row = min(row + 4u, last_row) * params.a_stride + first;
    let a5_row = min(row + 5u, last_row) * params.a_stride + first;
    let a6_row = min(row + 6u, last_row) * params.a_stride + first;
    let a7_row = min(row + 7u, last_row) * params.a_stride + first;
    let b0_row = min(col + 0u, last_col) * params.b_stride;
    let b1_row = min(col + 1u, last_col) * params.b_stride;
    let b2_row = min(col + 2u, last_col) * params.b_stride;
    let b3_row = min(col + 3u, last_col) * params.b_stride;
    let b4_row = min(col + 4u, last_col) * params.b_stride;
    let b5_row = min(col + 5u, last_col) * params.b_stride;
    let b6_row = min(col + 6u, last_col) * params.b_stride;
    let b7_row = min(col + 7u, last_col) * params.b_stride;
    var low0 = vec4<f32>(0.0);
    var high0 = vec4<f32>(0.0);
    var low1 = vec4<f32>(0.0);
    var high1 = vec4<f32>(0.0);
    var low2 = vec4<f32>(0.0);
    var high2 = vec4<f32>(0.0);
    var low3 = vec4<f32>(0.0);
    var high3 = vec4<f32>(0.0);
    var low4 = vec4<f32>(0.0);
    var high4 = vec4<f32>(0.0);
    var low5 = vec4<f32>(0.0);
    var high5 = vec4<f32>(0.0);
    var low6 = vec4<f32>(0.0);
    var high6 = vec4<f32>(0.0);
    var low7 = vec4<f32>(0.0);
    var high7 = vec4<f32>(0.0);
    let whole = count / 4u;
    for (var k = 0u; k < whole; k++) {
        let b0 = weights4(DTYPE, b0_row, first + k);
        let b1 = weights4(DTYPE, b1_row, first + k);
        let b2 = weights4(DTYPE, b2_row, first + k);
        let b3 = weights4(DTYPE, b3_row, first + k);
        let b4 = weights4(DTYPE, b4_row, first + k);
        let b5 = weights4(DTYPE, b5_row, first + k);
        let b6 = weights4(DTYPE, b6_row, first + k);
        let b7 = weights4(DTYPE, b7_row, first + k);
        let a0 = a[a0_row + k];
        low0 += dots(a0, b0, b1, b2, b3);
        high0 += dots(a0, b4, b5, b6, b7);
        let a1 = a[a1_row + k];
        low1 += dots(a1, b0, b1, b2, b3);
        high1 += dots(a1, b4, b5, b6, b7);
        let a2 = a[a2_row + k];
        low2 += dots(a2, b0, b1, b2, b3);
        high2 += dots(a2, b4, b5, b6, b7);
        let a3 = a[a3_row + k];
        low3 += dots(a3, b0, b1, b2, b3);
        high3 += dots(a3, b4, b5, b6, b7);
        let a4 = a[a4_row + k];
        low4 += dots(a4, b0, b1, b2, b3);
        high4 += dots(a4, b4, b5, b6, b7);
        let a5 = a[a5_row + k];
        low5 += dots(a5, b0, b1, b2, b3);
        high5 += dots(a5, b4, b5, b6, b7);
        let a6 = a[a6_row + k];
        low6 += dots(a6, b0, b1, b2, b3);
        high6 += dots(a6, b4, b5, b6, b7);
        let a7 = a[a7_row + k];
        low7 += dots(a7, b0, b1, b2, b3);
        high7 += dots(a7, b4, b5, b6, b7);
    }
    let rest = count % 4u;
    if rest != 0u {
        let b0 = keep(weights4(DTYPE, b0_row, first + whole), rest);
        let b1 = keep(weights4(DTYPE, b1_row, first + whole), rest);
        let b2 = keep(weights4(DTYPE, b2_row, first + whole), rest);
        let b3 = keep(weights4(DTYPE, b3_row, first + whole), rest);
        let b4 = keep(weights4(DTYPE, b4_row, first + whole), rest);
        let b5 = keep(weights4(DTYPE, b5_row, first + whole), rest);
        let b6 = keep(weights4(DTYPE, b6_row, first + whole), rest);
        let b7 = keep(weights4(DTYPE, b7_row, first + whole), rest);
        let a0 = keep(a[a0_row + whole], rest);
        low0 += dots(a0, b0, b1, b2, b3);
        high0 += dots(a0, b4, b5, b6, b7);
        let a1 = keep(a[a1_row + whole], rest);
        low1 += dots(a1, b0, b1, b2, b3);
        high1 += dots(a1, b4, b5, b6, b7);
        let a2 = keep(a[a2_row + whole], rest);
        low2 += dots(a2, b0, b1, b2, b3);
        high2 += dots(a2, b4, b5, b6, b7);
        let a3 = keep(a[a3_row + whole], rest);
        low3 += dots(a3, b0, b1, b2, b3);
        high3 += dots(a3, b4, b5, b6, b7);
        let a4 = keep(a[a4_row + whole], rest);
        low4 += dots(a4, b0, b1, b2, b3);
        high4 += dots(a4, b4, b5, b6, b7);
        let a5 = keep(a[a5_row + whole], rest);
        low5 += dots(a5, b0, b1, b2, b3);
        high5 += dots(a5, b4, b5, b6, b7);
        let a6 = keep(a[a6_row + whole], rest);
        low6 += dots(a6, b0, b1, b2, b3);
        high6 += dots(a6, b4, b5, b6, b7);
        let a7 = keep(a[a7_row + whole], rest);
        low7 += dots(a7, b0, b1, b2, b3);
        high7 += dots(a7, b4, b5, b6, b7);
    }
    let col4 = col / 4u;
    let low = Rows(low0, low1, low2, low3, low4, low5, low6, low7);
    let high = Rows(high0, high1, high2, high3, high4, high5, high6, high7);
    store_rows(id.z, row, col4, low, tile.x != tile.y);
    store_rows(id.z, row, col4 + 1u, high, tile.x != tile.y);
}

// Tiles are 32 elements deep: eight groups of four ("quads") per row, each at its `place`. All eight are
// written out: a loop over them keeps drivers from reading the next quad while they multiply (a third of
// the speed on an H100).
const DEPTH: u32 = 32u;
// Half as large as `tiled_128` needs them where only `tiled_64` runs.
override LINES: u32 = 64u;
var<workgroup> a_tile: array<vec4<f32>, LINES * 8u>;
var<workgroup> b_tile: array<vec4<f32>, LINES * 8u>;

// Column of the tile that stands in row `row` of `b_tile`: an invocation reads every 16th row, and writes
// four neighbouring columns.
fn column_of(row: u32) -> u32 {
    return (row / 64u) * 64u + (row % 16u) * 4u + (row / 16u) % 4u;
}

// Where a row begins, in units of 16 bytes; the last row stands for those beyond.
fn a_row(row: u32) -> u32 {
    return min(row, params.m - 1u) * params.a_stride;
}

fn b_row(row: u32) -> u32 {
    return min(row, params.n - 1u) * params.b_stride;
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

// Writes eight rows and four columns; those of a tile beyond the diagonal (`mirrors`) to both their places.
fn store_rows(piece: u32, row: u32, col4: u32, sums: Rows, mirrors: bool) {
    store(piece, row, col4, sums.r0);
    store(piece, row + 1u, col4, sums.r1);
    store(piece, row + 2u, col4, sums.r2);
    store(piece, row + 3u, col4, sums.r3);
    store(piece, row + 4u, col4, sums.r4);
    store(piece, row + 5u, col4, sums.r5);
    store(piece, row + 6u, col4, sums.r6);
    store(piece, row + 7u, col4, sums.r7);
    if SYMMETRIC && mirrors {
        mirror(piece, row, col4, block(sums.r0, sums.r1, sums.r2, sums.r3));
        mirror(piece, row + 4u, col4, block(sums.r4, sums.r5, sums.r6, sums.r7));
    }
}

@compute @workgroup_size(TILE_ROWS * 2u)
fn tiled_64(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let corner = tile_of(group, TILE_ROWS, 64u);
    let tile_row = corner.x;
    let tile_col = corner.y;
    let begin = group.z * params.piece;
    let end = min(params.k, begin + params.piece);
    // What this invocation brings: a quarter of two rows of `a`, and of two or four columns.
    let lines = TILE_ROWS / 2u;
    let line = local / 4u;
    let eighth = local % 4u;
    // What it computes: rows 8 y to 8 y + 7, columns 4 x to 4 x + 3.
    let x = local % 16u;
    let y = local / 16u;
    let a0_row = a_row(tile_row + line);
    let a1_row = a_row(tile_row + line + lines);
    let b0_row = b_row(tile_col + column_of(line));
    let b1_row = b_row(tile_col + column_of(line + lines));
    let b2_row = b_row(tile_col + column_of(line + 32u));
    let b3_row = b_row(tile_col + column_of(line + 48u));
    var sums = Rows();
    var k = begin + 8u * eighth;
    var a0 = load_a(a0_row, k, end);
    var a1 = load_a(a1_row, k, end);
    var b0 = load_b(b0_row, k, end);
    var b1 = load_b(b1_row, k, end);
    var b2 = Eight();
    var b3 = Eight();
    if TILE_ROWS == 32u {
        b2 = load_b(b2_row, k, end);
        b3 = load_b(b3_row, k, end);
    }
    for (var tile = begin; tile < end; tile += DEPTH) {
        let valid = max(end, k) - k;
        keep_a(line, eighth, a0, valid);
        keep_a(line + lines, eighth, a1, valid);
        keep_b(line, eighth, b0, valid);
        keep_b(line + lines, eighth, b1, valid);
        if TILE_ROWS == 32u {
            keep_b(line + 32u, eighth, b2, valid);
            keep_b(line + 48u, eighth, b3, valid);
        }
        workgroupBarrier();
        // The next tile is on its way while this one is used.
        k += DEPTH;
        a0 = load_a(a0_row, k, end);
        a1 = load_a(a1_row, k, end);
        b0 = load_b(b0_row, k, end);
        b1 = load_b(b1_row, k, end);
        if TILE_ROWS == 32u {
            b2 = load_b(b2_row, k, end);
            b3 = load_b(b3_row, k, end);
        }
        let base = y * 64u;
        sums = add_quad(sums, base, 0u, columns(x, 0u));
        sums = add_quad(sums, base, 1u, columns(x, 1u));
        sums = add_quad(sums, base, 2u, columns(x, 2u));
        sums = add_quad(sums, base, 3u, columns(x, 3u));
        sums = add_quad(sums, base, 4u, columns(x, 4u));
        sums = add_quad(sums, base, 5u, columns(x, 5u));
        sums = add_quad(sums, base, 6u, columns(x, 6u));
        sums = add_quad(sums, base, 7u, columns(x, 7u));
        workgroupBarrier();
    }
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x, sums, tile_row != tile_col);
}

@compute @workgroup_size(256)
fn tiled_128(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let corner = tile_of(group, 128u, 128u);
    let tile_row = corner.x;
    let tile_col = corner.y;
    let begin = group.z * params.piece;
    let end = min(params.k, begin + params.piece);
    // What this invocation brings: a quarter of two rows and of two columns.
    let line = local / 4u;
    let eighth = local % 4u;
    // What it computes: rows 8 y to 8 y + 7, columns 4 x to 4 x + 3 and 64 further.
    let x = local % 16u;
    let y = local / 16u;
    var low = Rows();
    var high = Rows();
    let a0_row = a_row(tile_row + line);
    let a1_row = a_row(tile_row + line + 64u);
    let b0_row = b_row(tile_col + column_of(line));
    let b1_row = b_row(tile_col + column_of(line + 64u));
    var k = begin + 8u * eighth;
    var a0 = load_a(a0_row, k, end);
    var a1 = load_a(a1_row, k, end);
    var b0 = load_b(b0_row, k, end);
    var b1 = load_b(b1_row, k, end);
    for (var tile = begin; tile < end; tile += DEPTH) {
        let valid = max(end, k) - k;
        keep_a(line, eighth, a0, valid);
        keep_a(line + 64u, eighth, a1, valid);
        keep_b(line, eighth, b0, valid);
        keep_b(line + 64u, eighth, b1, valid);
        workgroupBarrier();
        // The next tile is on its way while this one is used.
        k += DEPTH;
        a0 = load_a(a0_row, k, end);
        a1 = load_a(a1_row, k, end);
        b0 = load_b(b0_row, k, end);
        b1 = load_b(b1_row, k, end);
        let base = y * 64u;
        low = add_quad(low, base, 0u, columns(x, 0u));
        high = add_quad(high, base, 0u, columns(x + 64u, 0u));
        low = add_quad(low, base, 1u, columns(x, 1u));
        high = add_quad(high, base, 1u, columns(x + 64u, 1u));
        low = add_quad(low, base, 2u, columns(x, 2u));
        high = add_quad(high, base, 2u, columns(x + 64u, 2u));
        low = add_quad(low, base, 3u, columns(x, 3u));
        high = add_quad(high, base, 3u, columns(x + 64u, 3u));
        low = add_quad(low, base, 4u, columns(x, 4u));
        high = add_quad(high, base, 4u, columns(x + 64u, 4u));
        low = add_quad(low, base, 5u, columns(x, 5u));
        high = add_quad(high, base, 5u, columns(x + 64u, 5u));
        low = add_quad(low, base, 6u, columns(x, 6u));
        high = add_quad(high, base, 6u, columns(x + 64u, 6u));
        low = add_quad(low, base, 7u, columns(x, 7u));
        high = add_quad(high, base, 7u, columns(x + 64u, 7u));
        workgroupBarrier();
    }
    let mirrors = tile_row != tile_col;
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x, low, mirrors);
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x + 16u, high, mirrors);
}
