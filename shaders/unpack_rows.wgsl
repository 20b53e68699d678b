// out[i] = b[first + i]: rows of a matrix in any storage type, as f32; sixteen elements per invocation. Products of
// many rows read each weight often, and get it decoded once. From row `together` of `out` on they stand `skipped`
// rows further.
//
// b [>= first + rows + skipped, cols], out [rows, cols].

import package::common::blocks::packed;
import package::common::blocks::unpacked8;

override DTYPE: u32 = 0u;

struct Params {
    first: u32,
    rows: u32,
    cols: u32,
    // Groups of four in a row of `out`, and groups of 16 bytes in one of `b`.
    width4: u32,
    b_stride: u32,
    together: u32,
    skipped: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let width16 = (params.width4 + 3u) / 4u;
    if index >= params.rows * width16 {
        return;
    }
    let row = index / width16;
    let col4 = index % width16 * 4u;
    let b_row = (params.first + row + select(0u, params.skipped, row >= params.together)) * params.b_stride;
    let stored = packed(DTYPE, b_row, col4 * 4u, params.cols);
    for (var at = col4; at < min(col4 + 4u, params.width4); at += 2u) {
        let eight = unpacked8(DTYPE, stored, b_row, at * 4u, params.cols);
        out[row * params.width4 + at] = eight.low;
        if at + 1u < params.width4 {
            out[row * params.width4 + at + 1u] = eight.high;
        }
    }
}
