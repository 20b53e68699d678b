// out = x / sqrt(mean(x^2) + eps) * weight, row by row. Four elements at a time: rows are padded to
// multiples of 16 bytes.
//
// `tiled` shares a row among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::keep::keep;
import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;
import package::common::total::total4;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    let base = min(row, params.rows - 1u) * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var squares = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        let value = keep(x[base + quad], params.cols - 4u * quad);
        squares += value * value;
    }
    let mean = row_sum(local, total4(squares)) / f32(params.cols);
    let scale = inverseSqrt(mean + params.eps);
    if row >= params.rows {
        return;
    }
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        out[base + quad] = weight[quad] * (x[base + quad] * scale);
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
    let rest = params.cols % 4u;
    var squares = vec4<f32>(0.0);
    for (var quad = 0u; quad < whole; quad++) {
        squares += x[base + quad] * x[base + quad];
    }
    if rest > 0u {
        let value = keep(x[base + whole], rest);
        squares += value * value;
    }
    let mean = total4(squares) / f32(params.cols);
    let scale = inverseSqrt(mean + params.eps);
    for (var quad = 0u; quad < (params.cols + 3u) / 4u; quad++) {
        out[base + quad] = weight[quad] * (x[base + quad] * scale);
    }
}
