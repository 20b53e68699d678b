// out = softmax(scale * q . k^T) . v for one query over a cache of keys and values: the step that adds a
// token. Its query, key and value come as one product, `x`; query and key are normed and turned here
// (common/turn.wgsl), and key and value end in the last of the cache's rows that count. The keys are cut in pieces
// that run side by side, each with a softmax of its own; `join` weighs what they gave. Grouped queries: head h reads
// key/value head h / (heads / kv_heads).
//
// x [1, (heads + 2 kv_heads) * head_dim], out [1, heads * head_dim], k and v [>= end, kv_heads * head_dim], of which
// keys `first` to `end` count. state [heads * pieces, head_dim + 2]: a piece's values, weighted, its greatest score
// and the sum of its weights. `tiled` gives a piece of a head to a workgroup, `direct` to an invocation, without
// barriers.

import package::common::reduce::workgroup_max;
import package::common::reduce::workgroup_sum;
import package::common::total::total4;
import package::common::turn::NORMED;
import package::common::turn::factor_by;
import package::common::turn::turned_element;

// Whether heads begin at multiples of four elements.
override ALIGNED: bool = true;
// Groups of four in a head.
override QUADS: u32 = 64u;

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
    // Where the token's angles begin in the table.
    angles: u32,
    scale: f32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<f32>;
@group(0) @binding(3) var<storage, read> q_norm: array<f32>;
@group(0) @binding(4) var<storage, read> k_norm: array<f32>;
@group(0) @binding(5) var<storage, read_write> state: array<f32>;
@group(0) @binding(6) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> v: array<vec4<f32>>;
// Of `join` alone: the same caches, and the result.
@group(0) @binding(6) var<storage, read_write> new_k: array<f32>;
@group(0) @binding(7) var<storage, read_write> new_v: array<f32>;
@group(0) @binding(8) var<storage, read_write> out: array<f32>;

// Most keys of a piece.
const MOST: u32 = 256u;
// Most keys of a piece of `direct`, whose weights an invocation holds by itself.
const MOST_ALONE: u32 = 32u;
// Smaller than any score, larger than minus infinity, whose differences are NaN.
const LOWEST: f32 = -3.0e38;

fn product(base: u32, i: u32) -> f32 {
    return x[base + i];
}

// Where the key/value head of a head begins in the row of a key.
fn row_of(head: u32, key: u32) -> u32 {
    return key * params.kv_stride + head / (params.heads / params.kv_heads) * params.head_dim;
}

// Where the token's own key for a head begins in `x`.
fn own_key_of(head: u32) -> u32 {
    return (params.heads + head / (params.heads / params.kv_heads)) * params.head_dim;
}

fn value(index: u32) -> f32 {
    return v[index / 4u][index % 4u];
}

// Four elements of the query or key that begins at `base` in `x`, normed and turned; 0 beyond its end.
fn turned_quad(base: u32, quad: u32, factor: f32, is_key: bool) -> vec4<f32> {
    let i = vec4<u32>(4u * quad) + vec4<u32>(0u, 1u, 2u, 3u);
    let at = min(i, vec4<u32>(params.head_dim - 1u));
    let four = vec4<f32>(
        turned_element(base, at.x, factor, is_key, params.angles),
        turned_element(base, at.y, factor, is_key, params.angles),
        turned_element(base, at.z, factor, is_key, params.angles),
        turned_element(base, at.w, factor, is_key, params.angles),
    );
    return select(vec4<f32>(0.0), four, i < vec4<u32>(params.head_dim));
}

// The products of a group of four of a query with those of the key that begins at `key`.
fn products(four: vec4<f32>, key: u32, quad: u32) -> vec4<f32> {
    let index = key + 4u * quad;
    if ALIGNED {
        return four * k[index / 4u];
    }
    var sum = 0.0;
    for (var i = 0u; i < min(4u, params.head_dim - 4u * quad); i++) {
        sum += four[i] * k[(index + i) / 4u][(index + i) % 4u];
    }
    return vec4<f32>(sum, 0.0, 0.0, 0.0);
}

// What the norm of the head that begins at `base` in `x` multiplies by, found by one invocation.
fn factor_alone(base: u32) -> f32 {
    if !NORMED {
        return 1.0;
    }
    var squares = 0.0;
    for (var i = 0u; i < params.head_dim; i++) {
        squares += x[base + i] * x[base + i];
    }
    return factor_by(squares);
}

// The same by a workgroup.
fn factor_of(local: u32, base: u32) -> f32 {
    if !NORMED {
        return 1.0;
    }
    var squares = 0.0;
    for (var i = local; i < params.head_dim; i += 64u) {
        squares += x[base + i] * x[base + i];
    }
    return factor_by(workgroup_sum(local, squares));
}

var<workgroup> query: array<vec4<f32>, QUADS>;
var<workgroup> own_key: array<vec4<f32>, QUADS>;
var<workgroup> weights: array<f32, MOST>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let head = group.y;
    let begin = params.first + group.x * params.piece;
    let count = min(params.piece, params.end - begin);
    // The last piece ends with the token's own key, which is not in the cache yet.
    let has_own = begin + count == params.end;
    let cached = select(count, count - 1u, has_own);
    let factor = factor_of(local, head * params.head_dim);
    for (var quad = local; quad < QUADS; quad += 64u) {
        query[quad] = turned_quad(head * params.head_dim, quad, factor, false);
    }
    if has_own {
        let own_factor = factor_of(local, own_key_of(head));
        for (var quad = local; quad < QUADS; quad += 64u) {
            own_key[quad] = turned_quad(own_key_of(head), quad, own_factor, true);
        }
    }
    workgroupBarrier();
    var highest = LOWEST;
    for (var key = local; key < count; key += 64u) {
        var sums = vec4<f32>(0.0);
        if key < cached {
            let row = row_of(head, begin + key);
            for (var quad = 0u; quad < QUADS; quad++) {
                sums += products(query[quad], row, quad);
            }
        } else {
            for (var quad = 0u; quad < QUADS; quad++) {
                sums += query[quad] * own_key[quad];
            }
        }
        let own = total4(sums) * params.scale;
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
        for (var key = 0u; key < cached; key++) {
            sum += weights[key] * value(row_of(head, begin + key) + c);
        }
        if has_own {
            sum += weights[cached] * x[own_key_of(head) + params.kv_heads * params.head_dim + c];
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
    let has_own = begin + count == params.end;
    let cached = select(count, count - 1u, has_own);
    let query_at = head * params.head_dim;
    let key_at = own_key_of(head);
    let factor = factor_alone(query_at);
    var own_factor = 1.0;
    if has_own {
        own_factor = factor_alone(key_at);
    }
    var own = array<f32, MOST_ALONE>();
    // Each group of the query is made once, for all keys.
    for (var quad = 0u; quad < QUADS; quad++) {
        let four = turned_quad(query_at, quad, factor, false);
        for (var key = 0u; key < cached; key++) {
            own[key] += total4(products(four, row_of(head, begin + key), quad));
        }
        if has_own {
            own[cached] += total4(four * turned_quad(key_at, quad, own_factor, true));
        }
    }
    var highest = LOWEST;
    for (var key = 0u; key < count; key++) {
        own[key] *= params.scale;
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
        for (var key = 0u; key < cached; key++) {
            sum += own[key] * value(row_of(head, begin + key) + c);
        }
        if has_own {
            sum += own[cached] * x[key_at + params.kv_heads * params.head_dim + c];
        }
        state[base + c] = sum;
    }
    state[base + params.head_dim] = highest;
    state[base + params.head_dim + 1u] = total;
}

// The token's own key and value, of which element `index` is that of `x`, into the cache.
fn keep_own(index: u32) {
    let width = params.heads * params.head_dim;
    let kv_width = params.kv_heads * params.head_dim;
    let at = (params.end - 1u) * params.kv_stride + index - width;
    if index >= width + kv_width {
        new_v[at - kv_width] = x[index];
        return;
    }
    let i = index % params.head_dim;
    new_k[at] = turned_element(index - i, i, factor_alone(index - i), true, params.angles);
}

@compute @workgroup_size(64)
fn join(@builtin(global_invocation_id) id: vec3<u32>) {
    let width = params.heads * params.head_dim;
    if id.x >= width + 2u * params.kv_heads * params.head_dim {
        return;
    }
    if id.x >= width {
        keep_own(id.x);
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
