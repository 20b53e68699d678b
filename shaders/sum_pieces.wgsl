// out = activation(scale * sum over p of pieces[p] + bias) + residual: joins what a matrix product
// whose inner dimension was cut has left piece by piece. Four elements per invocation. GATED: the second half of a
// row of the pieces belongs to what the first half, activated, multiplies.
//
// pieces [count * m, n], bias [n], residual and out [m, n]; of a gated product pieces [count * m, 2 n], bias [2, n].

import package::common::epilogue::GATED;
import package::common::epilogue::finish;
import package::common::epilogue::finish_gated;

struct Params {
    m: u32,
    // Groups of four in a row of the result.
    width4: u32,
    count: u32,
    // Strides in units of four elements.
    out_stride: u32,
    residual_stride: u32,
    out_row: u32,
    residual_row: u32,
    out_col: u32,
    scale: f32,
    up_bias: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pieces: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

// The sum of what stands at an index in each piece of so many groups.
fn sum_from(index: u32, size: u32) -> vec4<f32> {
    var sum = vec4<f32>(0.0);
    for (var piece = 0u; piece < params.count; piece++) {
        sum += pieces[piece * size + index];
    }
    return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let size = params.m * params.width4;
    if index >= size {
        return;
    }
    let row = index / params.width4;
    let col4 = index % params.width4;
    if GATED {
        let at = row * 2u * params.width4 + col4;
        finish_gated(row, row, col4, sum_from(at, 2u * size), sum_from(at + params.width4, 2u * size));
        return;
    }
    finish(row, row, col4, sum_from(index, size));
}
