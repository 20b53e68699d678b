// As `attention`, for software adapters: an invocation takes four queries, 64 columns of a head and the keys from
// `first` to `end`, four at a time, without barriers. `state` carries the running maxima and totals from one piece of
// the keys to the next. What it reads serves four queries, since software adapters read value by value. Sums that are
// variables of their own would be faster still with llvmpipe, but SwiftShader compiles them for minutes.

import package::common::dots::dots;
import package::common::softmax::LOWEST;
import package::common::softmax::largest;
import package::common::softmax::shifted;
import package::common::softmax::weights;
import package::common::total::total4;

// Whether heads begin at multiples of four elements.
override ALIGNED: bool = true;
// Whether `state` and `out` hold what earlier pieces of the keys gave.
override CONTINUES: bool = false;

struct Params {
    queries: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    q_stride: u32,
    kv_stride: u32,
    // The piece of the keys that this call takes.
    first: u32,
    end: u32,
    scale: f32,
    // The first query and head of this call; the query is a multiple of those of a workgroup.
    first_query: u32,
    first_head: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> intervals: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;
@group(0) @binding(6) var<storage, read_write> state: array<vec2<f32>>;

// Elements `index` to `index + 3`; what stands beyond the array's end is of no meaning.
fn q4(index: u32) -> vec4<f32> {
    if ALIGNED {
        return q[index / 4u];
    }
    let last = arrayLength(&q) - 1u;
    return shifted(q[index / 4u], q[min(index / 4u + 1u, last)], index % 4u);
}

fn k4(index: u32) -> vec4<f32> {
    if ALIGNED {
        return k[index / 4u];
    }
    let last = arrayLength(&k) - 1u;
    return shifted(k[index / 4u], k[min(index / 4u + 1u, last)], index % 4u);
}

fn v4(index: u32) -> vec4<f32> {
    if ALIGNED {
        return v[index / 4u];
    }
    let last = arrayLength(&v) - 1u;
    return shifted(v[index / 4u], v[min(index / 4u + 1u, last)], index % 4u);
}

// Zeroes what lies beyond the first `valid` elements; aligned heads are whole groups of four.
fn keep(value: vec4<f32>, valid: u32) -> vec4<f32> {
    if ALIGNED {
        return value;
    }
    return select(vec4<f32>(0.0), value, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(valid));
}

// Four columns of values; those past the head's last group of four repeat it.
fn value4(row: u32, col: u32) -> vec4<f32> {
    return v4(row + min(col, (params.head_dim - 1u) / 4u * 4u));
}

// Scaled scores; those of keys that are not seen become LOWEST.
fn masked(scores: vec4<f32>, keys: vec4<u32>, first: u32, end: u32) -> vec4<f32> {
    return select(vec4<f32>(LOWEST), scores * params.scale, (keys >= vec4<u32>(first)) & (keys < vec4<u32>(end)));
}

// `sum` and four values, weighted.
fn add(sum: vec4<f32>, w: vec4<f32>, v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32>) -> vec4<f32> {
    return sum + w.x * v0 + w.y * v1 + w.z * v2 + w.w * v3;
}

// One value: `share` of it is this piece's, and of what stands there `kept`.
fn write(index: u32, value: f32, share: f32, kept: f32) {
    if CONTINUES {
        out[index] = value * share + out[index] * kept;
    } else {
        out[index] = value * share;
    }
}

// Four columns, of which `valid` exist.
fn write4(index: u32, value: vec4<f32>, share: f32, kept: f32, valid: u32) {
    write(index, value.x, share, kept);
    if valid > 1u {
        write(index + 1u, value.y, share, kept);
    }
    if valid > 2u {
        write(index + 2u, value.z, share, kept);
    }
    if valid > 3u {
        write(index + 3u, value.w, share, kept);
    }
}

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let query = params.first_query + 4u * id.x;
    if query >= params.queries {
        return;
    }
    let head = params.first_head + id.y;
    let first_col = id.z * 64u;
    let columns = min(64u, params.head_dim - first_col);
    let count = (columns + 3u) / 4u;
    // Queries past the last one repeat it, and are not written.
    let queries = min(vec4<u32>(query, query + 1u, query + 2u, query + 3u), vec4<u32>(params.queries - 1u));
    let q_bases = queries * params.q_stride + vec4<u32>(head * params.head_dim);
    let kv_base = (head / (params.heads / params.kv_heads)) * params.head_dim;
    let seen0 = intervals[queries.x]; let seen1 = intervals[queries.y];
    let seen2 = intervals[queries.z]; let seen3 = intervals[queries.w];
    let firsts = max(vec4<u32>(seen0.x, seen1.x, seen2.x, seen3.x), vec4<u32>(params.first));
    let ends = min(vec4<u32>(seen0.y, seen1.y, seen2.y, seen3.y), vec4<u32>(params.end));
    let begin = min(min(firsts.x, firsts.y), min(firsts.z, firsts.w));
    let end = max(max(ends.x, ends.y), max(ends.z, ends.w));
    var peaks = vec4<f32>(LOWEST);
    var totals = vec4<f32>(0.0);
    var sums0 = array<vec4<f32>, 16>(); var sums1 = array<vec4<f32>, 16>();
    var sums2 = array<vec4<f32>, 16>(); var sums3 = array<vec4<f32>, 16>();
    for (var key = begin; key < end; key += 4u) {
        let keys = vec4<u32>(key, key + 1u, key + 2u, key + 3u);
        // Rows past the end repeat the last one and get weight 0.
        let rows = min(keys, vec4<u32>(end - 1u)) * params.kv_stride + vec4<u32>(kv_base);
        var scores0 = vec4<f32>(); var scores1 = vec4<f32>();
        var scores2 = vec4<f32>(); var scores3 = vec4<f32>();
        for (var c = 0u; c < params.head_dim; c += 4u) {
            let valid = params.head_dim - c;
            let k0 = keep(k4(rows.x + c), valid); let k1 = keep(k4(rows.y + c), valid);
            let k2 = keep(k4(rows.z + c), valid); let k3 = keep(k4(rows.w + c), valid);
            scores0 += dots(keep(q4(q_bases.x + c), valid), k0, k1, k2, k3);
            scores1 += dots(keep(q4(q_bases.y + c), valid), k0, k1, k2, k3);
            scores2 += dots(keep(q4(q_bases.z + c), valid), k0, k1, k2, k3);
            scores3 += dots(keep(q4(q_bases.w + c), valid), k0, k1, k2, k3);
        }
        scores0 = masked(scores0, keys, firsts.x, ends.x); scores1 = masked(scores1, keys, firsts.y, ends.y);
        scores2 = masked(scores2, keys, firsts.z, ends.z); scores3 = masked(scores3, keys, firsts.w, ends.w);
        let next = max(peaks, vec4<f32>(largest(scores0), largest(scores1), largest(scores2), largest(scores3)));
        let shrink = exp(peaks - next);
        peaks = next;
        let w0 = weights(scores0, next.x); let w1 = weights(scores1, next.y);
        let w2 = weights(scores2, next.z); let w3 = weights(scores3, next.w);
        totals = totals * shrink + vec4<f32>(total4(w0), total4(w1), total4(w2), total4(w3));
        for (var c = 0u; c < count; c++) {
            let col = first_col + 4u * c;
            let v0 = value4(rows.x, col); let v1 = value4(rows.y, col);
            let v2 = value4(rows.z, col); let v3 = value4(rows.w, col);
            sums0[c] = add(sums0[c] * shrink.x, w0, v0, v1, v2, v3);
            sums1[c] = add(sums1[c] * shrink.y, w1, v0, v1, v2, v3);
            sums2[c] = add(sums2[c] * shrink.z, w2, v0, v1, v2, v3);
            sums3[c] = add(sums3[c] * shrink.w, w3, v0, v1, v2, v3);
        }
    }
    var own = vec4<f32>(1.0);
    var before = vec4<f32>(0.0);
    let at = vec4<u32>((id.z * params.heads + head) * params.queries) + queries;
    if CONTINUES {
        let state0 = state[at.x]; let state1 = state[at.y]; let state2 = state[at.z]; let state3 = state[at.w];
        let earlier = vec4<f32>(state0.x, state1.x, state2.x, state3.x);
        let next = max(peaks, earlier);
        own = exp(peaks - next);
        before = exp(earlier - next) * vec4<f32>(state0.y, state1.y, state2.y, state3.y);
        peaks = next;
        totals = totals * own + before;
    }
    // A query without keys gets 0.
    let some = totals > vec4<f32>(0.0);
    let shares = select(vec4<f32>(0.0), own / totals, some);
    let kept = select(vec4<f32>(0.0), before / totals, some);
    state[at.x] = vec2<f32>(peaks.x, totals.x); state[at.y] = vec2<f32>(peaks.y, totals.y);
    state[at.z] = vec2<f32>(peaks.z, totals.z); state[at.w] = vec2<f32>(peaks.w, totals.w);
    let there = params.queries - query;
    for (var c = 0u; c < count; c++) {
        let valid = columns - 4u * c;
        let place = q_bases + vec4<u32>(first_col + 4u * c);
        write4(place.x, sums0[c], shares.x, kept.x, valid);
        if there > 1u {
            write4(place.y, sums1[c], shares.y, kept.y, valid);
        }
        if there > 2u {
            write4(place.z, sums2[c], shares.z, kept.z, valid);
        }
        if there > 3u {
            write4(place.w, sums3[c], shares.w, kept.w, valid);
        }
    }
}
