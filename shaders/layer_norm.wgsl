// out = activation((x - mean) / sqrt(variance + eps) * weight + bias + residual), row by row; the
// variance is the biased one. Four elements at a time: rows are padded to multiples of 16 bytes.
//
// Two passes over the row: the variance of the centred values does not cancel. `tiled` shares a row
// among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::activation::activate4;
import package::common::keep::keep;
import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;
import package::common::total::total4;

override ACTIVATION: u32 = 0u;
override HAS_RESIDUAL: bool = false;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

fn store(base: u32, quad: u32, normed: vec4<f32>) {
    var value = normed * weight[quad] + bias[quad];
    if HAS_RESIDUAL {
        value += residual[base + quad];
    }
    out[base + quad] = activate4(ACTIVATION, value);
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    let base = min(row, params.rows - 1u) * (params.stride / 4u);
    let width = f32(params.cols);
    let quads = (params.cols + 3u) / 4u;
    var sum = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        sum += keep(x[base + quad], params.cols - 4u * quad);
    }
    let mean = row_sum(local, total4(sum)) / width;
    var squares = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        let centred = keep(x[base + quad] - mean, params.cols - 4u * quad);
        squares += centred * centred;
    }
    let scale = inverseSqrt(row_sum(local, total4(squares)) / width + params.eps);
    if row >= params.rows {
        return;
    }
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        store(base, quad, (x[base + quad] - mean) * scale);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * (params.stride / 4u);
    let width = f32(params.cols);
    let whole = params.cols / 4u;
    let rest = params.cols % 4u;
    var sum = vec4<f32>(0.0);
    for (var quad = 0u; quad < whole; quad++) {
        sum += x[base + quad];
    }
    if rest > 0u {
        sum += keep(x[base + whole], rest);
    }
    let mean = total4(sum) / width;
    var squares = vec4<f32>(0.0);
    for (var quad = 0u; quad < whole; quad++) {
        let centred = x[base + quad] - mean;
        squares += centred * centred;
    }
    if rest > 0u {
        let centred = keep(x[base + whole] - mean, rest);
        squares += centred * centred;
    }
    let scale = inverseSqrt(total4(squares) / width + params.eps);
    for (var quad = 0u; quad < (params.cols + 3u) / 4u; quad++) {
        store(base, quad, (x[base + quad] - mean) * scale);
    }
}
