// out[out_row, i] = |x[i]|, the l2 norm of each row, as the bits of an f32. A row that holds NaN or
// an infinity gets the bits of infinity: floats that are not finite are only ever looked at as
// bits, because a compiler may assume that there are none.
//
// Rows are scaled by a power of two near their largest element before squaring, so that neither
// large nor small states leave the range of f32. `tiled` gives a row to a workgroup, `direct` to an
// invocation.

import package::common::reduce::workgroup_sum;
import package::common::reduce_u32::workgroup_max_u32;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    // First element of the output row.
    out_start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> out: array<u32>;

const MAGNITUDE: u32 = 0x7fffffffu;
const INFINITY: u32 = 0x7f800000u;

// The power of two just below the magnitude with these bits, within 2^-100 to 2^100.
fn power_below(bits: u32) -> u32 {
    return clamp(bits & INFINITY, 27u << 23u, 227u << 23u);
}

// The reciprocal of a power of two.
fn reciprocal(power: u32) -> f32 {
    return bitcast<f32>((254u << 23u) - power);
}

fn norm_bits(largest: u32, power: u32, squares: f32) -> u32 {
    let norm = bitcast<u32>(sqrt(squares) * bitcast<f32>(power));
    return select(norm, INFINITY, largest >= INFINITY);
}

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * 32768u + group.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var own_largest = 0u;
    for (var col = local; col < params.cols; col += 64u) {
        own_largest = max(own_largest, x[base + col] & MAGNITUDE);
    }
    let largest = workgroup_max_u32(local, own_largest);
    let power = power_below(largest);
    let scale = reciprocal(power);
    var squares = 0.0;
    for (var col = local; col < params.cols; col += 64u) {
        let value = bitcast<f32>(x[base + col]) * scale;
        squares += value * value;
    }
    let total = workgroup_sum(local, squares);
    if local == 0u {
        out[params.out_start + row] = norm_bits(largest, power, total);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var largest = 0u;
    for (var col = 0u; col < params.cols; col++) {
        largest = max(largest, x[base + col] & MAGNITUDE);
    }
    let power = power_below(largest);
    let scale = reciprocal(power);
    var total = 0.0;
    // Blocks of 32 keep the rounding of a long sum small.
    for (var block = 0u; block < params.cols; block += 32u) {
        var squares = 0.0;
        for (var col = block; col < min(block + 32u, params.cols); col++) {
            let value = bitcast<f32>(x[base + col]) * scale;
            squares += value * value;
        }
        total += squares;
    }
    out[params.out_start + row] = norm_bits(largest, power, total);
}
