// x = x / sqrt(mean(x^2) + eps) * weight, in place, head by head: each row of x holds as many heads as
// its width has room for. Element by element, for heads need not begin at multiples of 16 bytes.
//
// `tiled` shares a head among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;

struct Params {
    // Heads of all rows that are normalized.
    heads: u32,
    // Heads of a row.
    per_row: u32,
    head_dim: u32,
    stride: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

fn start_of(head: u32) -> u32 {
    return head / params.per_row * params.stride + (head % params.per_row) * params.head_dim;
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = row_of(group, local);
    let base = start_of(min(head, params.heads - 1u));
    var squares = 0.0;
    for (var i = local % LANES; i < params.head_dim; i += LANES) {
        squares += x[base + i] * x[base + i];
    }
    let mean = row_sum(local, squares) / f32(params.head_dim);
    let scale = inverseSqrt(mean + params.eps);
    if head >= params.heads {
        return;
    }
    for (var i = local % LANES; i < params.head_dim; i += LANES) {
        x[base + i] = weight[i] * (x[base + i] * scale);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let head = id.x;
    if head >= params.heads {
        return;
    }
    let base = start_of(head);
    var squares = 0.0;
    for (var i = 0u; i < params.head_dim; i++) {
        squares += x[base + i] * x[base + i];
    }
    let scale = inverseSqrt(squares / f32(params.head_dim) + params.eps);
    for (var i = 0u; i < params.head_dim; i++) {
        x[base + i] = weight[i] * (x[base + i] * scale);
    }
}
