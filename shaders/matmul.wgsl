// out = activation(scale * a . b^T + bias) + residual
//
// a [m, k] f32, b [n, k] in any storage type (the layout of a PyTorch Linear weight), bias [n],
// residual and out [m, n]. Rows are padded to multiples of four elements, so every access is one
// vec4. `tiled` shares tiles in workgroup memory; `direct` keeps everything in registers and has
// no barrier, for adapters where barriers are dear. Both compute 8x8 values per invocation.

import package::common::dtype::unpack_16;
import package::common::activation::activate4;

override DTYPE: u32 = 0u;
override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Adds to what stands in `out` instead of replacing it.
override ACCUMULATE: bool = false;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    // First element of the inner dimension, a multiple of 4.
    k_begin: u32,
    // Strides in units of four elements.
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
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

// Four elements of a row of `b`; `index` counts groups of four.
fn load_b(index: u32) -> vec4<f32> {
    if DTYPE == 0u {
        return bitcast<vec4<f32>>(b[index]);
    }
    let pair = b[index / 2u];
    return unpack_16(DTYPE, select(pair.xy, pair.zw, (index & 1u) == 1u));
}

// Zeroes what lies beyond the inner dimension: padding may hold anything, even NaN.
fn mask(value: vec4<f32>, valid: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), value, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(valid));
}

fn store(row: u32, col4: u32, sum: vec4<f32>) {
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
    let index = (params.out_row + row) * params.out_stride + params.out_col + col4;
    if ACCUMULATE {
        value += out[index];
    }
    out[index] = value;
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
    let b0_row = min(col + 0u, last_col) * params.b_stride + first;
    let b1_row = min(col + 1u, last_col) * params.b_stride + first;
    let b2_row = min(col + 2u, last_col) * params.b_stride + first;
    let b3_row = min(col + 3u, last_col) * params.b_stride + first;
    let b4_row = min(col + 4u, last_col) * params.b_stride + first;
    let b5_row = min(col + 5u, last_col) * params.b_stride + first;
    let b6_row = min(col + 6u, last_col) * params.b_stride + first;
    let b7_row = min(col + 7u, last_col) * params.b_stride + first;
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
        let b0 = load_b(b0_row + k);
        let b1 = load_b(b1_row + k);
        let b2 = load_b(b2_row + k);
        let b3 = load_b(b3_row + k);
        let b4 = load_b(b4_row + k);
        let b5 = load_b(b5_row + k);
        let b6 = load_b(b6_row + k);
        let b7 = load_b(b7_row + k);
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
        let b0 = mask(load_b(b0_row + whole), rest);
        let b1 = mask(load_b(b1_row + whole), rest);
        let b2 = mask(load_b(b2_row + whole), rest);
        let b3 = mask(load_b(b3_row + whole), rest);
        let b4 = mask(load_b(b4_row + whole), rest);
        let b5 = mask(load_b(b5_row + whole), rest);
        let b6 = mask(load_b(b6_row + whole), rest);
        let b7 = mask(load_b(b7_row + whole), rest);
        let a0 = mask(a[a0_row + whole], rest);
        low0 += dots(a0, b0, b1, b2, b3);
        high0 += dots(a0, b4, b5, b6, b7);
        let a1 = mask(a[a1_row + whole], rest);
        low1 += dots(a1, b0, b1, b2, b3);
        high1 += dots(a1, b4, b5, b6, b7);
        let a2 = mask(a[a2_row + whole], rest);
        low2 += dots(a2, b0, b1, b2, b3);
        high2 += dots(a2, b4, b5, b6, b7);
        let a3 = mask(a[a3_row + whole], rest);
        low3 += dots(a3, b0, b1, b2, b3);
        high3 += dots(a3, b4, b5, b6, b7);
        let a4 = mask(a[a4_row + whole], rest);
        low4 += dots(a4, b0, b1, b2, b3);
        high4 += dots(a4, b4, b5, b6, b7);
        let a5 = mask(a[a5_row + whole], rest);
        low5 += dots(a5, b0, b1, b2, b3);
        high5 += dots(a5, b4, b5, b6, b7);
        let a6 = mask(a[a6_row + whole], rest);
        low6 += dots(a6, b0, b1, b2, b3);
        high6 += dots(a6, b4, b5, b6, b7);
        let a7 = mask(a[a7_row + whole], rest);
        low7 += dots(a7, b0, b1, b2, b3);
        high7 += dots(a7, b4, b5, b6, b7);
    }
    let col4 = col / 4u;
    store(row + 0u, col4, low0);
    store(row + 0u, col4 + 1u, high0);
    store(row + 1u, col4, low1);
    store(row + 1u, col4 + 1u, high1);
    store(row + 2u, col4, low2);
    store(row + 2u, col4 + 1u, high2);
    store(row + 3u, col4, low3);
    store(row + 3u, col4 + 1u, high3);
    store(row + 4u, col4, low4);
    store(row + 4u, col4 + 1u, high4);
    store(row + 5u, col4, low5);
    store(row + 5u, col4 + 1u, high5);
    store(row + 6u, col4, low6);
    store(row + 6u, col4 + 1u, high6);
    store(row + 7u, col4, low7);
    store(row + 7u, col4 + 1u, high7);
}

const TILE: u32 = 64u;
const DEPTH: u32 = 16u;
// One more column than needed keeps the columns of a tile in different banks.
const ROW: u32 = 65u;

var<workgroup> a_tile: array<f32, DEPTH * ROW>;
var<workgroup> b_tile: array<f32, DEPTH * ROW>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let tile_row = group.y * TILE;
    let tile_col = group.x * TILE;
    let own_row = (local / 8u) * 8u;
    let own_col = (local % 8u) * 8u;
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
    for (var depth = 0u; depth < params.k; depth += DEPTH) {
        // 64 rows of 4 groups of four: consecutive invocations read consecutive addresses.
        for (var step = 0u; step < 4u; step++) {
            let slot = step * 64u + local;
            let line = slot / 4u;
            let part = slot % 4u;
            let k = depth + part * 4u;
            let k4 = (params.k_begin + k) / 4u;
            var a_value = vec4<f32>(0.0);
            var b_value = vec4<f32>(0.0);
            if k < params.k {
                let valid = params.k - k;
                if tile_row + line < params.m {
                    a_value = mask(a[(tile_row + line) * params.a_stride + k4], valid);
                }
                if tile_col + line < params.n {
                    b_value = mask(load_b((tile_col + line) * params.b_stride + k4), valid);
                }
            }
            let slot_base = part * 4u * ROW + line;
            a_tile[slot_base] = a_value.x;
            a_tile[slot_base + ROW] = a_value.y;
            a_tile[slot_base + 2u * ROW] = a_value.z;
            a_tile[slot_base + 3u * ROW] = a_value.w;
            b_tile[slot_base] = b_value.x;
            b_tile[slot_base + ROW] = b_value.y;
            b_tile[slot_base + 2u * ROW] = b_value.z;
            b_tile[slot_base + 3u * ROW] = b_value.w;
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let a_base = k * ROW + own_row;
            let b_base = k * ROW + own_col;
            let b_low = vec4<f32>(b_tile[b_base], b_tile[b_base + 1u], b_tile[b_base + 2u], b_tile[b_base + 3u]);
            let b_high = vec4<f32>(b_tile[b_base + 4u], b_tile[b_base + 5u], b_tile[b_base + 6u], b_tile[b_base + 7u]);
            let a0 = a_tile[a_base + 0u];
            low0 += a0 * b_low;
            high0 += a0 * b_high;
            let a1 = a_tile[a_base + 1u];
            low1 += a1 * b_low;
            high1 += a1 * b_high;
            let a2 = a_tile[a_base + 2u];
            low2 += a2 * b_low;
            high2 += a2 * b_high;
            let a3 = a_tile[a_base + 3u];
            low3 += a3 * b_low;
            high3 += a3 * b_high;
            let a4 = a_tile[a_base + 4u];
            low4 += a4 * b_low;
            high4 += a4 * b_high;
            let a5 = a_tile[a_base + 5u];
            low5 += a5 * b_low;
            high5 += a5 * b_high;
            let a6 = a_tile[a_base + 6u];
            low6 += a6 * b_low;
            high6 += a6 * b_high;
            let a7 = a_tile[a_base + 7u];
            low7 += a7 * b_low;
            high7 += a7 * b_high;
        }
        workgroupBarrier();
    }
    let row = tile_row + own_row;
    let col4 = (tile_col + own_col) / 4u;
    store(row + 0u, col4, low0);
    store(row + 0u, col4 + 1u, high0);
    store(row + 1u, col4, low1);
    store(row + 1u, col4 + 1u, high1);
    store(row + 2u, col4, low2);
    store(row + 2u, col4 + 1u, high2);
    store(row + 3u, col4, low3);
    store(row + 3u, col4 + 1u, high3);
    store(row + 4u, col4, low4);
    store(row + 4u, col4 + 1u, high4);
    store(row + 5u, col4, low5);
    store(row + 5u, col4 + 1u, high5);
    store(row + 6u, col4, low6);
    store(row + 6u, col4 + 1u, high6);
    store(row + 7u, col4, low7);
    store(row + 7u, col4 + 1u, high7);
}
