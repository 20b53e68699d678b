// One product of queries, keys and values becomes a matrix each: queries and keys normed head by head, where a
// decoder does that, and turned by the rotary embedding, values as they are. The inner dimension of the product may
// have been cut: the pieces are summed, and the bias added.
//
// x [pieces * tokens, (heads + 2 kv_heads) * head_dim], bias as wide, table [>= first_angle + tokens, head_dim]: cosines, then sines;
// q [>= first_query + tokens, heads * head_dim], k and v [>= first_row + tokens, kv_heads * head_dim].
//
// `tiled` shares a head among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;
import package::common::turn::NORMED;
import package::common::turn::factor_by;
import package::common::turn::turned_pair;

override HAS_BIAS: bool = false;
// Whether there are several pieces.
override CUT: bool = false;

struct Params {
    tokens: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    // Elements from one row to the next.
    stride: u32,
    table_stride: u32,
    q_stride: u32,
    kv_stride: u32,
    // First row of `q`, of `k` and `v`, and of the table.
    first_query: u32,
    first_row: u32,
    first_angle: u32,
    eps: f32,
    pieces: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read> q_norm: array<f32>;
@group(0) @binding(4) var<storage, read> k_norm: array<f32>;
@group(0) @binding(5) var<storage, read> bias: array<f32>;
@group(0) @binding(6) var<storage, read_write> q: array<f32>;
@group(0) @binding(7) var<storage, read_write> k: array<f32>;
@group(0) @binding(8) var<storage, read_write> v: array<f32>;

fn product(base: u32, i: u32) -> f32 {
    var value = x[base + i];
    for (var piece = 1u; CUT && piece < params.pieces; piece++) {
        value += x[piece * params.tokens * params.stride + base + i];
    }
    if HAS_BIAS {
        value += bias[base % params.stride + i];
    }
    return value;
}

fn square(value: f32) -> f32 {
    return value * value;
}

fn per_token() -> u32 {
    return params.heads + 2u * params.kv_heads;
}

// Where a head begins; those of all tokens are counted.
fn start_of(index: u32) -> u32 {
    return index / per_token() * params.stride + index % per_token() * params.head_dim;
}

// Writes elements `i` and `i + head_dim / 2` of a head.
fn put(index: u32, i: u32, factor: f32) {
    let token = index / per_token();
    let head = index % per_token();
    let base = start_of(index);
    let half = params.head_dim / 2u;
    let row = (params.first_row + token) * params.kv_stride + i;
    if head >= params.heads + params.kv_heads {
        let at = row + (head - params.heads - params.kv_heads) * params.head_dim;
        v[at] = product(base, i);
        v[at + half] = product(base, half + i);
        return;
    }
    let is_key = head >= params.heads;
    let pair = turned_pair(base, i, factor, is_key, (params.first_angle + token) * params.table_stride);
    if is_key {
        let at = row + (head - params.heads) * params.head_dim;
        k[at] = pair.x;
        k[at + half] = pair.y;
        return;
    }
    let at = (params.first_query + token) * params.q_stride + head * params.head_dim + i;
    q[at] = pair.x;
    q[at + half] = pair.y;
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let count = params.tokens * per_token();
    let index = row_of(group, local);
    var factor = 1.0;
    if NORMED {
        let base = start_of(min(index, count - 1u));
        var squares = 0.0;
        for (var i = local % LANES; i < params.head_dim; i += LANES) {
            squares += square(product(base, i));
        }
        factor = factor_by(row_sum(local, squares));
    }
    if index >= count {
        return;
    }
    for (var i = local % LANES; i < params.head_dim / 2u; i += LANES) {
        put(index, i, factor);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let index = id.x;
    if index >= params.tokens * per_token() {
        return;
    }
    var factor = 1.0;
    if NORMED {
        let base = start_of(index);
        var squares = 0.0;
        for (var i = 0u; i < params.head_dim; i++) {
            squares += square(product(base, i));
        }
        factor = factor_by(squares);
    }
    for (var i = 0u; i < params.head_dim / 2u; i++) {
        put(index, i, factor);
    }
}
