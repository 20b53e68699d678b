// out = x / sqrt(mean(x^2) + eps) * weight, row by row.
//
// `tiled` gives a row to a workgroup, `direct` to an invocation.

import package::common::reduce::workgroup_sum;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * 32768u + group.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var squares = 0.0;
    for (var col = local; col < params.cols; col += 64u) {
        squares += x[base + col] * x[base + col];
    }
    let scale = inverseSqrt(workgroup_sum(local, squares) / f32(params.cols) + params.eps);
    for (var col = local; col < params.cols; col += 64u) {
        out[base + col] = weight[col] * (x[base + col] * scale);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var squares = 0.0;
    for (var col = 0u; col < params.cols; col++) {
        squares += x[base + col] * x[base + col];
    }
    let scale = inverseSqrt(squares / f32(params.cols) + params.eps);
    for (var col = 0u; col < params.cols; col++) {
        out[base + col] = weight[col] * (x[base + col] * scale);
    }
}
