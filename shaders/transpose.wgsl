// out[c, r] = x[row_begin + r, c]. A block of 4x4 elements per invocation, in registers.

import package::common::turned::turned;

struct Params {
    // Rows to take, and columns.
    rows: u32,
    cols: u32,
    row_begin: u32,
    // Strides in units of four elements.
    x_stride: u32,
    out_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

fn store(col: u32, row4: u32, value: vec4<f32>) {
    if col < params.cols {
        out[col * params.out_stride + row4] = value;
    }
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 4u;
    let col = id.x * 4u;
    if row >= params.rows || col >= params.cols {
        return;
    }
    let columns = turned(row, id.x);
    store(col, id.y, columns.x);
    store(col + 1u, id.y, columns.y);
    store(col + 2u, id.y, columns.z);
    store(col + 3u, id.y, columns.w);
}
