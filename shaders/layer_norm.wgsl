// out = activation((x - mean) / sqrt(variance + eps) * weight + bias + residual), row by row; the
// variance is the biased one.
//
// Two passes over the row: the variance of the centred values does not cancel. `tiled` gives a row
// to a workgroup, `direct` to an invocation.

import package::common::activation::activate;
import package::common::reduce::workgroup_sum;

override ACTIVATION: u32 = 0u;
override HAS_RESIDUAL: bool = false;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

fn store(base: u32, col: u32, normed: f32) {
    var value = normed * weight[col] + bias[col];
    if HAS_RESIDUAL {
        value += residual[base + col];
    }
    out[base + col] = activate(ACTIVATION, value);
}

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * 32768u + group.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    let width = f32(params.cols);
    var sum = 0.0;
    for (var col = local; col < params.cols; col += 64u) {
        sum += x[base + col];
    }
    let mean = workgroup_sum(local, sum) / width;
    var squares = 0.0;
    for (var col = local; col < params.cols; col += 64u) {
        let centred = x[base + col] - mean;
        squares += centred * centred;
    }
    let scale = inverseSqrt(workgroup_sum(local, squares) / width + params.eps);
    for (var col = local; col < params.cols; col += 64u) {
        store(base, col, (x[base + col] - mean) * scale);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    let width = f32(params.cols);
    var sum = 0.0;
    for (var col = 0u; col < params.cols; col++) {
        sum += x[base + col];
    }
    let mean = sum / width;
    var squares = 0.0;
    for (var col = 0u; col < params.cols; col++) {
        let centred = x[base + col] - mean;
        squares += centred * centred;
    }
    let scale = inverseSqrt(squares / width + params.eps);
    for (var col = 0u; col < params.cols; col++) {
        store(base, col, (x[base + col] - mean) * scale);
    }
}
