// out[out_row, i] = |x[i]|, the l2 norm of each row, as the bits of an f32. A row that holds NaN or
// an infinity gets the bits of infinity: floats that are not finite are only ever looked at as
// bits, because a compiler may assume that there are none.
//
// Rows are scaled by a power of two near their largest element before squaring, so that neither
// large nor small states leave the range of f32. Four elements at a time: rows are padded to multiples
// of 16 bytes. `tiled` shares a row among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;
import package::common::rows_u32::row_max_u32;
import package::common::total::total4;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    // First element of the output row.
    out_start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
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

// The bits of a quad's magnitudes, 0 beyond the first `valid`.
fn magnitudes(value: vec4<u32>, valid: u32) -> vec4<u32> {
    let is_valid = vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(valid);
    return select(vec4<u32>(0u), value & vec4<u32>(MAGNITUDE), is_valid);
}

fn largest_of(value: vec4<u32>) -> u32 {
    return max(max(value.x, value.y), max(value.z, value.w));
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    let base = min(row, params.rows - 1u) * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var own = vec4<u32>(0u);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        own = max(own, magnitudes(x[base + quad], params.cols - 4u * quad));
    }
    let largest = row_max_u32(local, largest_of(own));
    let power = power_below(largest);
    let scale = reciprocal(power);
    var squares = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        let kept = magnitudes(x[base + quad], params.cols - 4u * quad);
        let value = bitcast<vec4<f32>>(kept) * scale;
        squares += value * value;
    }
    let total = row_sum(local, total4(squares));
    if local % LANES == 0u && row < params.rows {
        out[params.out_start + row] = norm_bits(largest, power, total);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * (params.stride / 4u);
    let whole = params.cols / 4u;
    // All zeros where the width is a multiple of four.
    let rest = magnitudes(x[base + min(whole, params.stride / 4u - 1u)], params.cols % 4u);
    var own = rest;
    for (var quad = 0u; quad < whole; quad++) {
        own = max(own, x[base + quad] & vec4<u32>(MAGNITUDE));
    }
    let largest = largest_of(own);
    let power = power_below(largest);
    let scale = reciprocal(power);
    let last = bitcast<vec4<f32>>(rest) * scale;
    var total = last * last;
    // Blocks of 64 elements keep the rounding of a long sum small.
    for (var block = 0u; block < whole; block += 16u) {
        var squares = vec4<f32>(0.0);
        for (var quad = block; quad < min(block + 16u, whole); quad++) {
            let value = bitcast<vec4<f32>>(x[base + quad]) * scale;
            squares += value * value;
        }
        total += squares;
    }
    out[params.out_start + row] = norm_bits(largest, power, total4(total));
}
