// out[i] = b[first + i]: rows of a matrix in any storage type, as f32; eight elements per invocation. Products of
// many rows read each weight often, and get it decoded once.
//
// b [>= first + rows, cols], out [rows, cols].

import package::common::blocks::stored8;

override DTYPE: u32 = 0u;

struct Params {
    first: u32,
    rows: u32,
    cols: u32,
    // Groups of four in a row of `out`, and groups of 16 bytes in one of `b`.
    width4: u32,
    b_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let width8 = (params.width4 + 1u) / 2u;
    if index >= params.rows * width8 {
        return;
    }
    let row = index / width8;
    let col8 = index % width8;
    let eight = stored8(DTYPE, (params.first + row) * params.b_stride, col8 * 8u, params.cols);
    let target_index = row * params.width4 + col8 * 2u;
    out[target_index] = eight.low;
    if col8 * 2u + 1u < params.width4 {
        out[target_index + 1u] = eight.high;
    }
}
