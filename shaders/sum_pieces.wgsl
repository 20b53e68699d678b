// out = activation(scale * sum over p of pieces[p] + bias) + residual: joins what a matrix product
// whose inner dimension was cut has left piece by piece. Four elements per invocation.
//
// pieces [count * m, n], bias [n], residual and out [m, n].

import package::common::epilogue::finish;

struct Params {
    m: u32,
    // Groups of four in a row of the pieces.
    width4: u32,
    count: u32,
    // Strides in units of four elements.
    out_stride: u32,
    residual_stride: u32,
    out_row: u32,
    residual_row: u32,
    out_col: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pieces: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let size = params.m * params.width4;
    if index >= size {
        return;
    }
    let row = index / params.width4;
    let col4 = index % params.width4;
    var value = vec4<f32>(0.0);
    for (var piece = 0u; piece < params.count; piece++) {
        value += pieces[piece * size + index];
    }
    finish(row, row, col4, value);
}
