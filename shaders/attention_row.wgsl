// out = softmax(scale * q[position] . k^T) for each head: where one token looks. Grouped queries:
// head h reads key head h / (heads / kv_heads).
//
// q [queries, heads * head_dim], k [tokens, kv_heads * head_dim], out [heads, keys seen]. `scores` gives
// an invocation to each score; then `tiled` gives a head to a workgroup, `direct` to an invocation,
// and makes weights of its scores in place. Loops are apart because llvmpipe ends an invocation's
// loops after 65535 turns altogether, those of inner loops counted.

import package::common::reduce::workgroup_sum;
import package::common::reduce::workgroup_max;

struct Params {
    position: u32,
    // First key that the query sees, and how many from there on.
    first: u32,
    keys: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    q_stride: u32,
    kv_stride: u32,
    out_stride: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

// Smaller than any score, larger than minus infinity, whose differences are NaN.
const LOWEST: f32 = -3.0e38;

@compute @workgroup_size(64)
fn scores(@builtin(global_invocation_id) id: vec3<u32>) {
    let key = id.x;
    let head = id.y;
    if key >= params.keys {
        return;
    }
    let q_base = params.position * params.q_stride + head * params.head_dim;
    let k_base = (params.first + key) * params.kv_stride + (head / (params.heads / params.kv_heads)) * params.head_dim;
    var sum = 0.0;
    for (var c = 0u; c < params.head_dim; c++) {
        sum += q[q_base + c] * k[k_base + c];
    }
    out[head * params.out_stride + key] = sum * params.scale;
}

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = group.y * 32768u + group.x;
    if head >= params.heads {
        return;
    }
    let base = head * params.out_stride;
    var highest = LOWEST;
    for (var key = local; key < params.keys; key += 64u) {
        highest = max(highest, out[base + key]);
    }
    highest = workgroup_max(local, highest);
    // From here on an invocation reads back only what it wrote itself.
    var total = 0.0;
    for (var key = local; key < params.keys; key += 64u) {
        let weight = exp(out[base + key] - highest);
        out[base + key] = weight;
        total += weight;
    }
    total = workgroup_sum(local, total);
    for (var key = local; key < params.keys; key += 64u) {
        out[base + key] /= total;
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let head = id.x;
    if head >= params.heads {
        return;
    }
    let base = head * params.out_stride;
    var highest = LOWEST;
    for (var key = 0u; key < params.keys; key++) {
        highest = max(highest, out[base + key]);
    }
    var total = 0.0;
    for (var key = 0u; key < params.keys; key++) {
        let weight = exp(out[base + key] - highest);
        out[base + key] = weight;
        total += weight;
    }
    for (var key = 0u; key < params.keys; key++) {
        out[base + key] /= total;
    }
}
