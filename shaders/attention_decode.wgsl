// out = softmax(scale * q . k^T) . v for one query over a cache of keys and values: the step that adds a
// token. The keys are cut in pieces that run side by side, each with a softmax of its own; `join` weighs what
// they gave. Grouped queries: head h reads key/value head h / (heads / kv_heads).
//
// q and out [1, heads * head_dim], k and v [>= end, kv_heads * head_dim], of which keys `first` to `end`
// count. state [heads * pieces, head_dim + 2]: a piece's values, weighted, its greatest score and the sum of
// its weights. `tiled` gives a piece of a head to a workgroup, `direct` to an invocation, without barriers.

import package::common::reduce::workgroup_max;
import package::common::reduce::workgroup_sum;
import package::common::total::total4;

// Whether heads begin at multiples of four elements.
override ALIGNED: bool = true;

struct Params {
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    kv_stride: u32,
    first: u32,
    end: u32,
    // Keys of a piece, at most MOST, and pieces of a head.
    piece: u32,
    pieces: u32,
    state_stride: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> state: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

// Most keys of a piece.
const MOST: u32 = 256u;
// Most keys of a piece of `direct`, whose weights an invocation holds by itself.
const MOST_ALONE: u32 = 32u;
// Smaller than any score, larger than minus infinity, whose differences are NaN.
const LOWEST: f32 = -3.0e38;

// The scaled product of the query of a head with the key that begins at `key`.
fn score(head: u32, key: u32) -> f32 {
    let base = head * params.head_dim;
    var sums = vec4<f32>(0.0);
    if ALIGNED {
        for (var c = 0u; c < params.head_dim; c += 4u) {
            sums += q[(base + c) / 4u] * k[(key + c) / 4u];
        }
    } else {
        for (var c = 0u; c < params.head_dim; c++) {
            let own = base + c;
            let other = key + c;
            sums.x += q[own / 4u][own % 4u] * k[other / 4u][other % 4u];
        }
    }
    return total4(sums) * params.scale;
}

// Where the key/value head of a head begins in the row of a key.
fn row_of(head: u32, key: u32) -> u32 {
    return key * params.kv_stride + head / (params.heads / params.kv_heads) * params.head_dim;
}

fn value(index: u32) -> f32 {
    return v[index / 4u][index % 4u];
}

var<workgroup> weights: array<f32, MOST>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = group.y;
    let begin = params.first + group.x * params.piece;
    let count = min(params.piece, params.end - begin);
    var highest = LOWEST;
    for (var key = local; key < count; key += 64u) {
        let own = score(head, row_of(head, begin + key));
        weights[key] = own;
        highest = max(highest, own);
    }
    highest = workgroup_max(local, highest);
    var total = 0.0;
    for (var key = local; key < count; key += 64u) {
        let weight = exp(weights[key] - highest);
        weights[key] = weight;
        total += weight;
    }
    // Its barriers also show everybody the weights.
    total = workgroup_sum(local, total);
    let base = (head * params.pieces + group.x) * params.state_stride;
    for (var c = local; c < params.head_dim; c += 64u) {
        var sum = 0.0;
        for (var key = 0u; key < count; key++) {
            sum += weights[key] * value(row_of(head, begin + key) + c);
        }
        state[base + c] = sum;
    }
    if local == 0u {
        state[base + params.head_dim] = highest;
        state[base + params.head_dim + 1u] = total;
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.heads * params.pieces {
        return;
    }
    let head = id.x / params.pieces;
    let begin = params.first + id.x % params.pieces * params.piece;
    let count = min(params.piece, params.end - begin);
    var own = array<f32, MOST_ALONE>();
    var highest = LOWEST;
    for (var key = 0u; key < count; key++) {
        own[key] = score(head, row_of(head, begin + key));
        highest = max(highest, own[key]);
    }
    var total = 0.0;
    for (var key = 0u; key < count; key++) {
        own[key] = exp(own[key] - highest);
        total += own[key];
    }
    let base = id.x * params.state_stride;
    for (var c = 0u; c < params.head_dim; c++) {
        var sum = 0.0;
        for (var key = 0u; key < count; key++) {
            sum += own[key] * value(row_of(head, begin + key) + c);
        }
        state[base + c] = sum;
    }
    state[base + params.head_dim] = highest;
    state[base + params.head_dim + 1u] = total;
}

@compute @workgroup_size(64)
fn join(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.heads * params.head_dim {
        return;
    }
    let base = id.x / params.head_dim * params.pieces * params.state_stride;
    let column = base + id.x % params.head_dim;
    let peak = base + params.head_dim;
    var highest = LOWEST;
    for (var piece = 0u; piece < params.pieces; piece++) {
        highest = max(highest, state[peak + piece * params.state_stride]);
    }
    var sum = 0.0;
    var total = 0.0;
    for (var piece = 0u; piece < params.pieces; piece++) {
        let row = piece * params.state_stride;
        let share = exp(state[peak + row] - highest);
        sum += share * state[column + row];
        total += share * state[peak + row + 1u];
    }
    out[id.x] = sum / total;
}
