// out = activation(scale * a . b^T + bias) + residual
//
// a [m, k] f32, b [n, k] in any storage type (the layout of a PyTorch Linear weight), bias [n],
// residual and out [m, n]. Rows are padded to multiples of 16 bytes, so every access is one vec4.
//
// `tiled_128` and `tiled_64` share tiles in workgroup memory, 128 x 128 with 8 x 8 values per
// invocation and TILE_ROWS x 64 with 4 x 4; `direct` keeps 8 x 8 in registers and has no barrier, for
// adapters where barriers are dear. With `splits` > 1 the inner dimension is cut in as many pieces:
// each writes its bare sums, piece by piece, for `sum_pieces` to join.

import package::common::activation::activate4;
import package::common::weights::Eight;
import package::common::weights::keep;
import package::common::weights::weights4;
import package::common::weights::weights8;

override DTYPE: u32 = 0u;
override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Adds to what stands in `out` instead of replacing it.
override ACCUMULATE: bool = false;
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
    // Elements of the inner dimension in a piece, a multiple of 16.
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

// A block of 4 x 4 elements of `b`, by columns: element j of `x` is b[j, 0].
struct Block {
    x: vec4<f32>,
    y: vec4<f32>,
    z: vec4<f32>,
    w: vec4<f32>,
}

fn block(r0: vec4<f32>, r1: vec4<f32>, r2: vec4<f32>, r3: vec4<f32>) -> Block {
    return Block(
        vec4<f32>(r0.x, r1.x, r2.x, r3.x), vec4<f32>(r0.y, r1.y, r2.y, r3.y),
        vec4<f32>(r0.z, r1.z, r2.z, r3.z), vec4<f32>(r0.w, r1.w, r2.w, r3.w),
    );
}

// sum + the products of four elements of a row of `a` with a block of `b`: 16 fused steps.
fn add(sum: vec4<f32>, a4: vec4<f32>, b4: Block) -> vec4<f32> {
    return fma(vec4<f32>(a4.w), b4.w, fma(vec4<f32>(a4.z), b4.z, fma(vec4<f32>(a4.y), b4.y,
        fma(vec4<f32>(a4.x), b4.x, sum))));
}

// Elements 8 * group to 8 * group + 7 of a row of `a` that begins at `row`, as weights8.
fn inputs8(row: u32, group: u32, valid: u32) -> Eight {
    var eight: Eight;
    let index = row + 2u * group;
    eight.low = a[index];
    eight.high = a[select(index, index + 1u, valid > 4u)];
    if valid < 8u {
        eight.low = keep(eight.low, valid);
        eight.high = keep(eight.high, max(valid, 4u) - 4u);
    }
    return eight;
}

// Products of one group of four of a row of `a` with four rows of `b`.
fn dots(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, b0), dot(x, b1), dot(x, b2), dot(x, b3));
}

// Loops over rows are written out: compilers that bound loops do not unroll them, and sums in
// arrays then live in memory instead of registers.
@compute @workgroup_size(8, 8)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 8u;
    let col = id.x * 8u;
    if row >= params.m || col >= params.n {
        return;
    }
    let first = params.k_begin / 4u;
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
    let whole = params.k / 4u;
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
    let rest = params.k % 4u;
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
    store(0u, row + 0u, col4, low0);
    store(0u, row + 0u, col4 + 1u, high0);
    store(0u, row + 1u, col4, low1);
    store(0u, row + 1u, col4 + 1u, high1);
    store(0u, row + 2u, col4, low2);
    store(0u, row + 2u, col4 + 1u, high2);
    store(0u, row + 3u, col4, low3);
    store(0u, row + 3u, col4 + 1u, high3);
    store(0u, row + 4u, col4, low4);
    store(0u, row + 4u, col4 + 1u, high4);
    store(0u, row + 5u, col4, low5);
    store(0u, row + 5u, col4 + 1u, high5);
    store(0u, row + 6u, col4, low6);
    store(0u, row + 6u, col4 + 1u, high6);
    store(0u, row + 7u, col4, low7);
    store(0u, row + 7u, col4 + 1u, high7);
}

// Tiles are 16 elements deep, four vec4 per row. Within a row they stand at quad ^ (row / 2 % 4), so
// that eight invocations that read a quad of eight neighbouring rows meet eight different banks of
// 16 bytes.
const DEPTH: u32 = 16u;
var<workgroup> a_tile: array<vec4<f32>, 512>;
var<workgroup> b_tile: array<vec4<f32>, 512>;

// Where a quad of a row stands in a tile.
fn place(row: u32, quad: u32) -> u32 {
    return row * 4u + (quad ^ ((row / 2u) & 3u));
}

// Column of the tile that stands in its row `row`: an invocation owns every 16th row, and groups of
// four columns.
fn column_of(row: u32) -> u32 {
    return (row / 64u) * 64u + (row % 16u) * 4u + (row / 16u) % 4u;
}

// Eight elements of the inner dimension from `k` on, below `end`, of a row; 0 beyond.
fn load_a(row: u32, k: u32, end: u32) -> Eight {
    if k >= end {
        return Eight(vec4<f32>(0.0), vec4<f32>(0.0));
    }
    return inputs8(min(row, params.m - 1u) * params.a_stride, (params.k_begin + k) / 8u, end - k);
}

fn load_b(row: u32, k: u32, end: u32) -> Eight {
    if k >= end {
        return Eight(vec4<f32>(0.0), vec4<f32>(0.0));
    }
    return weights8(DTYPE, min(row, params.n - 1u) * params.b_stride, (params.k_begin + k) / 8u, end - k);
}

@compute @workgroup_size(256)
fn tiled_128(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let tile_row = group.y * 128u;
    let tile_col = group.x * 128u;
    let begin = group.z * params.piece;
    let end = min(params.k, begin + params.piece);
    // What this invocation brings: half of a row of each tile.
    let line = local / 2u;
    let half = local % 2u;
    let a_row = tile_row + line;
    let b_row = tile_col + column_of(line);
    let low_place = place(line, 2u * half);
    let high_place = place(line, 2u * half + 1u);
    // What it computes: rows y + 16 i, columns 4 x and 64 + 4 x.
    let x = local % 16u;
    let y = local / 16u;
    let x_turn = (x / 2u) & 3u;
    let y_turn = (y / 2u) & 3u;
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
    var next_a = load_a(a_row, begin + 8u * half, end);
    var next_b = load_b(b_row, begin + 8u * half, end);
    for (var k = begin; k < end; k += DEPTH) {
        a_tile[low_place] = next_a.low;
        a_tile[high_place] = next_a.high;
        b_tile[low_place] = next_b.low;
        b_tile[high_place] = next_b.high;
        workgroupBarrier();
        // On their way while this tile is used.
        next_a = load_a(a_row, k + DEPTH + 8u * half, end);
        next_b = load_b(b_row, k + DEPTH + 8u * half, end);
        for (var quad = 0u; quad < 4u; quad++) {
            let b_base = x * 4u + (quad ^ x_turn);
            let low = block(b_tile[b_base], b_tile[b_base + 64u], b_tile[b_base + 128u], b_tile[b_base + 192u]);
            let high = block(b_tile[b_base + 256u], b_tile[b_base + 320u], b_tile[b_base + 384u], b_tile[b_base + 448u]);
            let a_base = y * 4u + (quad ^ y_turn);
            let a0 = a_tile[a_base + 0u];
            low0 = add(low0, a0, low);
            high0 = add(high0, a0, high);
            let a1 = a_tile[a_base + 64u];
            low1 = add(low1, a1, low);
            high1 = add(high1, a1, high);
            let a2 = a_tile[a_base + 128u];
            low2 = add(low2, a2, low);
            high2 = add(high2, a2, high);
            let a3 = a_tile[a_base + 192u];
            low3 = add(low3, a3, low);
            high3 = add(high3, a3, high);
            let a4 = a_tile[a_base + 256u];
            low4 = add(low4, a4, low);
            high4 = add(high4, a4, high);
            let a5 = a_tile[a_base + 320u];
            low5 = add(low5, a5, low);
            high5 = add(high5, a5, high);
            let a6 = a_tile[a_base + 384u];
            low6 = add(low6, a6, low);
            high6 = add(high6, a6, high);
            let a7 = a_tile[a_base + 448u];
            low7 = add(low7, a7, low);
            high7 = add(high7, a7, high);
        }
        workgroupBarrier();
    }
    let row = tile_row + y;
    let col4 = tile_col / 4u + x;
    store(group.z, row + 0u, col4, low0);
    store(group.z, row + 0u, col4 + 16u, high0);
    store(group.z, row + 16u, col4, low1);
    store(group.z, row + 16u, col4 + 16u, high1);
    store(group.z, row + 32u, col4, low2);
    store(group.z, row + 32u, col4 + 16u, high2);
    store(group.z, row + 48u, col4, low3);
    store(group.z, row + 48u, col4 + 16u, high3);
    store(group.z, row + 64u, col4, low4);
    store(group.z, row + 64u, col4 + 16u, high4);
    store(group.z, row + 80u, col4, low5);
    store(group.z, row + 80u, col4 + 16u, high5);
    store(group.z, row + 96u, col4, low6);
    store(group.z, row + 96u, col4 + 16u, high6);
    store(group.z, row + 112u, col4, low7);
    store(group.z, row + 112u, col4 + 16u, high7);
}

// Rows of `a` and of `b` in one list, half a row each: the unit that an invocation brings.
fn load_unit(unit: u32, tile_row: u32, tile_col: u32, k: u32, end: u32) -> Eight {
    let line = unit / 2u;
    let start = k + 8u * (unit % 2u);
    if line < TILE_ROWS {
        return load_a(tile_row + line, start, end);
    }
    return load_b(tile_col + column_of(line - TILE_ROWS), start, end);
}

fn store_unit(unit: u32, eight: Eight) {
    let line = unit / 2u;
    let quad = 2u * (unit % 2u);
    if line < TILE_ROWS {
        a_tile[place(line, quad)] = eight.low;
        a_tile[place(line, quad + 1u)] = eight.high;
    } else {
        b_tile[place(line - TILE_ROWS, quad)] = eight.low;
        b_tile[place(line - TILE_ROWS, quad + 1u)] = eight.high;
    }
}

@compute @workgroup_size(TILE_ROWS * 4u)
fn tiled_64(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let tile_row = group.y * TILE_ROWS;
    let tile_col = group.x * 64u;
    let begin = group.z * params.piece;
    let end = min(params.k, begin + params.piece);
    let x = local % 16u;
    let y = local / 16u;
    let x_turn = (x / 2u) & 3u;
    let y_turn = (y / 2u) & 3u;
    // 64 rows of `b` are 128 units: with 32 rows of `a` there are more units than invocations.
    let second = local + TILE_ROWS * 4u;
    let has_second = second < (TILE_ROWS + 64u) * 2u;
    var low0 = vec4<f32>(0.0);
    var low1 = vec4<f32>(0.0);
    var low2 = vec4<f32>(0.0);
    var low3 = vec4<f32>(0.0);
    var next = load_unit(local, tile_row, tile_col, begin, end);
    var also: Eight;
    if has_second {
        also = load_unit(second, tile_row, tile_col, begin, end);
    }
    for (var k = begin; k < end; k += DEPTH) {
        store_unit(local, next);
        if has_second {
            store_unit(second, also);
        }
        workgroupBarrier();
        // On their way while this tile is used.
        next = load_unit(local, tile_row, tile_col, k + DEPTH, end);
        if has_second {
            also = load_unit(second, tile_row, tile_col, k + DEPTH, end);
        }
        let stride = TILE_ROWS;
        for (var quad = 0u; quad < 4u; quad++) {
            let b_base = x * 4u + (quad ^ x_turn);
            let columns = block(b_tile[b_base], b_tile[b_base + 64u], b_tile[b_base + 128u], b_tile[b_base + 192u]);
            let a_base = y * 4u + (quad ^ y_turn);
            low0 = add(low0, a_tile[a_base], columns);
            low1 = add(low1, a_tile[a_base + stride], columns);
            low2 = add(low2, a_tile[a_base + 2u * stride], columns);
            low3 = add(low3, a_tile[a_base + 3u * stride], columns);
        }
        workgroupBarrier();
    }
    // An invocation owns every (TILE_ROWS / 4)th row.
    let row = tile_row + y;
    let col4 = tile_col / 4u + x;
    store(group.z, row, col4, low0);
    store(group.z, row + TILE_ROWS / 4u, col4, low1);
    store(group.z, row + TILE_ROWS / 2u, col4, low2);
    store(group.z, row + 3u * TILE_ROWS / 4u, col4, low3);
}
