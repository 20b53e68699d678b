// out[out_row + i] = the largest value of x[i]. The result is a column, one value per row of four.
// Four elements at a time: rows are padded to multiples of 16 bytes.
//
// `tiled` shares a row among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows_u32::row_max_u32;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    out_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

// Bits of floats in an order in which they are compared as integers.
fn ordered(bits: vec4<u32>) -> vec4<u32> {
    let negative = (bits >> vec4<u32>(31u)) == vec4<u32>(1u);
    return select(bits | vec4<u32>(0x80000000u), ~bits, negative);
}

fn unordered(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, key >= 0x80000000u));
}

fn largest_of(value: vec4<u32>, valid: u32) -> u32 {
    let is_valid = vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(valid);
    let keys = select(vec4<u32>(0u), ordered(value), is_valid);
    return max(max(keys.x, keys.y), max(keys.z, keys.w));
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    let base = min(row, params.rows - 1u) * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var own = 0u;
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        own = max(own, largest_of(x[base + quad], params.cols - 4u * quad));
    }
    let largest = row_max_u32(local, own);
    if local % LANES == 0u && row < params.rows {
        out[params.out_row + row] = vec4<f32>(unordered(largest), 0.0, 0.0, 0.0);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var largest = 0u;
    for (var quad = 0u; quad < quads; quad++) {
        largest = max(largest, largest_of(x[base + quad], params.cols - 4u * quad));
    }
    out[params.out_row + row] = vec4<f32>(unordered(largest), 0.0, 0.0, 0.0);
}
