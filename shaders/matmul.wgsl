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
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

// Four elements of a row of `b`; `index` counts groups of four.
fn load_b(index: u32) -> vec4<f32> {
    if DTYPE == 0u {
        return bitcast<vec4<f32>>(vec4<u32>(b[2u * index], b[2u * index + 1u]));
    }
    return unpack_16(DTYPE, b[index]);
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

@compute @workgroup_size(8, 8)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 8u;
    let col = id.x * 8u;
    if row >= params.m || col >= params.n {
        return;
    }
    var a_index: array<u32, 8>;
    var b_index: array<u32, 8>;
    for (var i = 0u; i < 8u; i++) {
        a_index[i] = min(row + i, params.m - 1u) * params.a_stride + params.k_begin / 4u;
        b_index[i] = min(col + i, params.n - 1u) * params.b_stride + params.k_begin / 4u;
    }
    var sums: array<vec4<f32>, 16>;
    let whole = params.k / 4u;
    for (var k4 = 0u; k4 < whole; k4++) {
        var b_values: array<vec4<f32>, 8>;
        for (var j = 0u; j < 8u; j++) {
            b_values[j] = load_b(b_index[j] + k4);
        }
        for (var i = 0u; i < 8u; i++) {
            let a_value = a[a_index[i] + k4];
            sums[2u * i] += vec4<f32>(
                dot(a_value, b_values[0]), dot(a_value, b_values[1]),
                dot(a_value, b_values[2]), dot(a_value, b_values[3]),
            );
            sums[2u * i + 1u] += vec4<f32>(
                dot(a_value, b_values[4]), dot(a_value, b_values[5]),
                dot(a_value, b_values[6]), dot(a_value, b_values[7]),
            );
        }
    }
    let rest = params.k % 4u;
    if rest != 0u {
        for (var i = 0u; i < 8u; i++) {
            let a_value = mask(a[a_index[i] + whole], rest);
            for (var j = 0u; j < 8u; j++) {
                let b_value = mask(load_b(b_index[j] + whole), rest);
                sums[2u * i + j / 4u][j % 4u] += dot(a_value, b_value);
            }
        }
    }
    for (var i = 0u; i < 8u; i++) {
        store(row + i, col / 4u, sums[2u * i]);
        store(row + i, col / 4u + 1u, sums[2u * i + 1u]);
    }
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
    var sums: array<vec4<f32>, 16>;
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
            for (var c = 0u; c < 4u; c++) {
                a_tile[(part * 4u + c) * ROW + line] = a_value[c];
                b_tile[(part * 4u + c) * ROW + line] = b_value[c];
            }
        }
        workgroupBarrier();
        for (var k = 0u; k < DEPTH; k++) {
            let a_base = k * ROW + own_row;
            let b_base = k * ROW + own_col;
            let b_low = vec4<f32>(b_tile[b_base], b_tile[b_base + 1u], b_tile[b_base + 2u], b_tile[b_base + 3u]);
            let b_high = vec4<f32>(b_tile[b_base + 4u], b_tile[b_base + 5u], b_tile[b_base + 6u], b_tile[b_base + 7u]);
            for (var i = 0u; i < 8u; i++) {
                let a_value = a_tile[a_base + i];
                sums[2u * i] += a_value * b_low;
                sums[2u * i + 1u] += a_value * b_high;
            }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 8u; i++) {
        store(tile_row + own_row + i, (tile_col + own_col) / 4u, sums[2u * i]);
        store(tile_row + own_row + i, (tile_col + own_col) / 4u + 1u, sums[2u * i + 1u]);
    }
}
