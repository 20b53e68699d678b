// Attention for llvmpipe on processors without AVX-512, where each read goes through the stack, lane by lane. A subgroup
// takes 32 queries, 32 keys at a time and 64 columns of a head. Lanes hand each other the queries that they read and the
// weights of their keys, so that all that is read serves 32 queries.

import package::common::pick::of_eight;
import package::common::pick::of_four;
import package::common::softmax::LOWEST;
import package::common::softmax::largest;
import package::common::softmax::weights;
import package::common::dots::dots;
import package::common::total::total4;

// Weighted sums of values, a column for each query: `low` of this lane's columns, `high` of those 32 further on.
struct Sums {
    low0: mat4x4<f32>,
    low1: mat4x4<f32>,
    low2: mat4x4<f32>,
    low3: mat4x4<f32>,
    low4: mat4x4<f32>,
    low5: mat4x4<f32>,
    low6: mat4x4<f32>,
    low7: mat4x4<f32>,
    high0: mat4x4<f32>,
    high1: mat4x4<f32>,
    high2: mat4x4<f32>,
    high3: mat4x4<f32>,
    high4: mat4x4<f32>,
    high5: mat4x4<f32>,
    high6: mat4x4<f32>,
    high7: mat4x4<f32>,
}

// Four queries' weights of one key: what they add to the sums.
fn outer(value: vec4<f32>, w: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(value * w.x, value * w.y, value * w.z, value * w.w);
}

fn shrunk(sums: mat4x4<f32>, by: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(sums[0] * by.x, sums[1] * by.y, sums[2] * by.z, sums[3] * by.w);
}

// Products of the queries that lanes 0 to 3 read with this lane's four keys, and of those of lanes 4 to 7.
fn first_dots(q: vec4<f32>, k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        dots(subgroupBroadcast(q, 0u), k0, k1, k2, k3), dots(subgroupBroadcast(q, 1u), k0, k1, k2, k3),
        dots(subgroupBroadcast(q, 2u), k0, k1, k2, k3), dots(subgroupBroadcast(q, 3u), k0, k1, k2, k3),
    );
}

fn second_dots(q: vec4<f32>, k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        dots(subgroupBroadcast(q, 4u), k0, k1, k2, k3), dots(subgroupBroadcast(q, 5u), k0, k1, k2, k3),
        dots(subgroupBroadcast(q, 6u), k0, k1, k2, k3), dots(subgroupBroadcast(q, 7u), k0, k1, k2, k3),
    );
}

// What lanes 0 to 3 hold, and lanes 4 to 7.
fn of_first(x: u32) -> vec4<u32> {
    return vec4<u32>(
        subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u), subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u),
    );
}

fn of_second(x: u32) -> vec4<u32> {
    return vec4<u32>(
        subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u), subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u),
    );
}

// The largest of all lanes, and their sum.
fn largest_of_lanes(x: vec4<f32>) -> vec4<f32> {
    return max(
        max(
            max(subgroupBroadcast(x, 0u), subgroupBroadcast(x, 1u)),
            max(subgroupBroadcast(x, 2u), subgroupBroadcast(x, 3u)),
        ),
        max(
            max(subgroupBroadcast(x, 4u), subgroupBroadcast(x, 5u)),
            max(subgroupBroadcast(x, 6u), subgroupBroadcast(x, 7u)),
        ),
    );
}

fn total_of_lanes(x: vec4<f32>) -> vec4<f32> {
    return subgroupBroadcast(x, 0u) + subgroupBroadcast(x, 1u) + subgroupBroadcast(x, 2u) + subgroupBroadcast(x, 3u)
        + subgroupBroadcast(x, 4u) + subgroupBroadcast(x, 5u) + subgroupBroadcast(x, 6u) + subgroupBroadcast(x, 7u);
}

// Four queries' scores, see `masked`.
fn masked_of_four(scores: mat4x4<f32>, keys: vec4<u32>, firsts: vec4<u32>, ends: vec4<u32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        masked(scores[0], keys, firsts.x, ends.x), masked(scores[1], keys, firsts.y, ends.y),
        masked(scores[2], keys, firsts.z, ends.z), masked(scores[3], keys, firsts.w, ends.w),
    );
}

fn largest_of_four(scores: mat4x4<f32>) -> vec4<f32> {
    return vec4<f32>(largest(scores[0]), largest(scores[1]), largest(scores[2]), largest(scores[3]));
}

fn weights_of_four(scores: mat4x4<f32>, peaks: vec4<f32>) -> mat4x4<f32> {
    return mat4x4<f32>(
        weights(scores[0], peaks.x), weights(scores[1], peaks.y),
        weights(scores[2], peaks.z), weights(scores[3], peaks.w),
    );
}

fn total_of_four(w: mat4x4<f32>) -> vec4<f32> {
    return vec4<f32>(total4(w[0]), total4(w[1]), total4(w[2]), total4(w[3]));
}

// The weights of a lane's key of this number, four queries'.
fn of_key(slot: u32, w: mat4x4<f32>) -> vec4<f32> {
    return of_four(slot, w[0], w[1], w[2], w[3]);
}

// The sums and what one key adds to them, given its weights.
fn with_key(
    sums: Sums, low: vec4<f32>, high: vec4<f32>,
    w0: vec4<f32>, w1: vec4<f32>, w2: vec4<f32>, w3: vec4<f32>,
    w4: vec4<f32>, w5: vec4<f32>, w6: vec4<f32>, w7: vec4<f32>,
) -> Sums {
    return Sums(
        sums.low0 + outer(low, w0), sums.low1 + outer(low, w1),
        sums.low2 + outer(low, w2), sums.low3 + outer(low, w3),
        sums.low4 + outer(low, w4), sums.low5 + outer(low, w5),
        sums.low6 + outer(low, w6), sums.low7 + outer(low, w7),
        sums.high0 + outer(high, w0), sums.high1 + outer(high, w1),
        sums.high2 + outer(high, w2), sums.high3 + outer(high, w3),
        sums.high4 + outer(high, w4), sums.high5 + outer(high, w5),
        sums.high6 + outer(high, w6), sums.high7 + outer(high, w7),
    );
}

// One query's outcome: this lane's columns of the part, see `Sums`.
fn put(
    query: u32, head: u32, part: u32, lane: u32,
    peak: f32, total: f32, low: vec4<f32>, high: vec4<f32>,
) {
    if query >= params.queries {
        return;
    }
    let at = (part * params.heads + head) * params.queries + query;
    var own = 1.0;
    var before = 0.0;
    var top = peak;
    if CONTINUES {
        let earlier = state[at];
        top = max(peak, earlier.x);
        own = exp(peak - top);
        before = exp(earlier.x - top) * earlier.y;
    }
    let all = total * own + before;
    // A query without keys gets 0.
    let share = select(0.0, own / all, all > 0.0);
    let kept = select(0.0, before / all, all > 0.0);
    // llvmpipe's lanes go in step: all have read it.
    if lane == 0u {
        state[at] = vec2<f32>(top, all);
    }
    let place = query * params.q_stride + head * params.head_dim;
    for (var half = 0u; half < 2u; half++) {
        let col = part * 64u + 32u * half + 4u * lane;
        if col < params.head_dim {
            write4(place + col, select(low, high, half == 1u), share, kept, params.head_dim - col);
        }
    }
}

@compute @workgroup_size(8)
fn together(@builtin(workgroup_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let query = params.first_query + 32u * id.x;
    let head = params.first_head + id.y;
    let kv_base = (head / (params.heads / params.kv_heads)) * params.head_dim;
    let low_col = id.z * 64u + 4u * lane;
    let high_col = low_col + 32u;
    // Queries that this lane reads; past the last one they repeat it, and are not written.
    let own = min(vec4<u32>(query + lane) + vec4<u32>(0u, 8u, 16u, 24u), vec4<u32>(params.queries - 1u));
    let q_bases = own * params.q_stride + vec4<u32>(head * params.head_dim);
    let seen0 = intervals[own.x]; let seen1 = intervals[own.y];
    let seen2 = intervals[own.z]; let seen3 = intervals[own.w];
    let own_firsts = max(vec4<u32>(seen0.x, seen1.x, seen2.x, seen3.x), vec4<u32>(params.first));
    let own_ends = min(vec4<u32>(seen0.y, seen1.y, seen2.y, seen3.y), vec4<u32>(params.end));
    let firsts0 = of_first(own_firsts.x); let ends0 = of_first(own_ends.x);
    let firsts1 = of_second(own_firsts.x); let ends1 = of_second(own_ends.x);
    let firsts2 = of_first(own_firsts.y); let ends2 = of_first(own_ends.y);
    let firsts3 = of_second(own_firsts.y); let ends3 = of_second(own_ends.y);
    let firsts4 = of_first(own_firsts.z); let ends4 = of_first(own_ends.z);
    let firsts5 = of_second(own_firsts.z); let ends5 = of_second(own_ends.z);
    let firsts6 = of_first(own_firsts.w); let ends6 = of_first(own_ends.w);
    let firsts7 = of_second(own_firsts.w); let ends7 = of_second(own_ends.w);
    // Of all lanes: none may leave the loop before the others, which take queries and weights from it.
    let begin = subgroupMin(min(min(own_firsts.x, own_firsts.y), min(own_firsts.z, own_firsts.w)));
    let end = subgroupMax(max(max(own_ends.x, own_ends.y), max(own_ends.z, own_ends.w)));
    var sums = Sums();
    var peaks0 = vec4<f32>(LOWEST); var peaks1 = vec4<f32>(LOWEST);
    var peaks2 = vec4<f32>(LOWEST); var peaks3 = vec4<f32>(LOWEST);
    var peaks4 = vec4<f32>(LOWEST); var peaks5 = vec4<f32>(LOWEST);
    var peaks6 = vec4<f32>(LOWEST); var peaks7 = vec4<f32>(LOWEST);
    var totals0 = vec4<f32>(); var totals1 = vec4<f32>(); var totals2 = vec4<f32>(); var totals3 = vec4<f32>();
    var totals4 = vec4<f32>(); var totals5 = vec4<f32>(); var totals6 = vec4<f32>(); var totals7 = vec4<f32>();
    for (var first = begin; first < end; first += 32u) {
        // This lane's keys; rows past the end repeat the last one and get weight 0.
        let keys = vec4<u32>(first + lane) + vec4<u32>(0u, 8u, 16u, 24u);
        let rows = min(keys, vec4<u32>(end - 1u)) * params.kv_stride + vec4<u32>(kv_base);
        var s0 = mat4x4<f32>(); var s1 = mat4x4<f32>(); var s2 = mat4x4<f32>(); var s3 = mat4x4<f32>();
        var s4 = mat4x4<f32>(); var s5 = mat4x4<f32>(); var s6 = mat4x4<f32>(); var s7 = mat4x4<f32>();
        for (var c = 0u; c < params.head_dim; c += 4u) {
            let valid = params.head_dim - c;
            let k0 = keep(k4(rows.x + c), valid); let k1 = keep(k4(rows.y + c), valid);
            let k2 = keep(k4(rows.z + c), valid); let k3 = keep(k4(rows.w + c), valid);
            let q0 = keep(q4(q_bases.x + c), valid);
            s0 += first_dots(q0, k0, k1, k2, k3); s1 += second_dots(q0, k0, k1, k2, k3);
            let q1 = keep(q4(q_bases.y + c), valid);
            s2 += first_dots(q1, k0, k1, k2, k3); s3 += second_dots(q1, k0, k1, k2, k3);
            let q2 = keep(q4(q_bases.z + c), valid);
            s4 += first_dots(q2, k0, k1, k2, k3); s5 += second_dots(q2, k0, k1, k2, k3);
            let q3 = keep(q4(q_bases.w + c), valid);
            s6 += first_dots(q3, k0, k1, k2, k3); s7 += second_dots(q3, k0, k1, k2, k3);
        }
        s0 = masked_of_four(s0, keys, firsts0, ends0);
        s1 = masked_of_four(s1, keys, firsts1, ends1);
        s2 = masked_of_four(s2, keys, firsts2, ends2);
        s3 = masked_of_four(s3, keys, firsts3, ends3);
        s4 = masked_of_four(s4, keys, firsts4, ends4);
        s5 = masked_of_four(s5, keys, firsts5, ends5);
        s6 = masked_of_four(s6, keys, firsts6, ends6);
        s7 = masked_of_four(s7, keys, firsts7, ends7);
        let next0 = max(peaks0, largest_of_lanes(largest_of_four(s0)));
        let next1 = max(peaks1, largest_of_lanes(largest_of_four(s1)));
        let next2 = max(peaks2, largest_of_lanes(largest_of_four(s2)));
        let next3 = max(peaks3, largest_of_lanes(largest_of_four(s3)));
        let next4 = max(peaks4, largest_of_lanes(largest_of_four(s4)));
        let next5 = max(peaks5, largest_of_lanes(largest_of_four(s5)));
        let next6 = max(peaks6, largest_of_lanes(largest_of_four(s6)));
        let next7 = max(peaks7, largest_of_lanes(largest_of_four(s7)));
        let shrink0 = exp(peaks0 - next0); let shrink1 = exp(peaks1 - next1);
        let shrink2 = exp(peaks2 - next2); let shrink3 = exp(peaks3 - next3);
        let shrink4 = exp(peaks4 - next4); let shrink5 = exp(peaks5 - next5);
        let shrink6 = exp(peaks6 - next6); let shrink7 = exp(peaks7 - next7);
        peaks0 = next0; peaks1 = next1; peaks2 = next2; peaks3 = next3;
        peaks4 = next4; peaks5 = next5; peaks6 = next6; peaks7 = next7;
        s0 = weights_of_four(s0, next0); s1 = weights_of_four(s1, next1);
        s2 = weights_of_four(s2, next2); s3 = weights_of_four(s3, next3);
        s4 = weights_of_four(s4, next4); s5 = weights_of_four(s5, next5);
        s6 = weights_of_four(s6, next6); s7 = weights_of_four(s7, next7);
        totals0 = totals0 * shrink0 + total_of_four(s0);
        totals1 = totals1 * shrink1 + total_of_four(s1);
        totals2 = totals2 * shrink2 + total_of_four(s2);
        totals3 = totals3 * shrink3 + total_of_four(s3);
        totals4 = totals4 * shrink4 + total_of_four(s4);
        totals5 = totals5 * shrink5 + total_of_four(s5);
        totals6 = totals6 * shrink6 + total_of_four(s6);
        totals7 = totals7 * shrink7 + total_of_four(s7);
        let w0 = transpose(s0); let w1 = transpose(s1);
        let w2 = transpose(s2); let w3 = transpose(s3);
        let w4 = transpose(s4); let w5 = transpose(s5);
        let w6 = transpose(s6); let w7 = transpose(s7);
        sums = Sums(
            shrunk(sums.low0, shrink0), shrunk(sums.low1, shrink1),
            shrunk(sums.low2, shrink2), shrunk(sums.low3, shrink3),
            shrunk(sums.low4, shrink4), shrunk(sums.low5, shrink5),
            shrunk(sums.low6, shrink6), shrunk(sums.low7, shrink7),
            shrunk(sums.high0, shrink0), shrunk(sums.high1, shrink1),
            shrunk(sums.high2, shrink2), shrunk(sums.high3, shrink3),
            shrunk(sums.high4, shrink4), shrunk(sums.high5, shrink5),
            shrunk(sums.high6, shrink6), shrunk(sums.high7, shrink7),
        );
        for (var slot = 0u; slot < 4u; slot++) {
            let own0 = of_key(slot, w0); let own1 = of_key(slot, w1);
            let own2 = of_key(slot, w2); let own3 = of_key(slot, w3);
            let own4 = of_key(slot, w4); let own5 = of_key(slot, w5);
            let own6 = of_key(slot, w6); let own7 = of_key(slot, w7);
            let row0 = min(first + 8u * slot + 0u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row0, low_col), value4(row0, high_col),
                subgroupBroadcast(own0, 0u), subgroupBroadcast(own1, 0u),
                subgroupBroadcast(own2, 0u), subgroupBroadcast(own3, 0u),
                subgroupBroadcast(own4, 0u), subgroupBroadcast(own5, 0u),
                subgroupBroadcast(own6, 0u), subgroupBroadcast(own7, 0u),
            );
            let row1 = min(first + 8u * slot + 1u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row1, low_col), value4(row1, high_col),
                subgroupBroadcast(own0, 1u), subgroupBroadcast(own1, 1u),
                subgroupBroadcast(own2, 1u), subgroupBroadcast(own3, 1u),
                subgroupBroadcast(own4, 1u), subgroupBroadcast(own5, 1u),
                subgroupBroadcast(own6, 1u), subgroupBroadcast(own7, 1u),
            );
            let row2 = min(first + 8u * slot + 2u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row2, low_col), value4(row2, high_col),
                subgroupBroadcast(own0, 2u), subgroupBroadcast(own1, 2u),
                subgroupBroadcast(own2, 2u), subgroupBroadcast(own3, 2u),
                subgroupBroadcast(own4, 2u), subgroupBroadcast(own5, 2u),
                subgroupBroadcast(own6, 2u), subgroupBroadcast(own7, 2u),
            );
            let row3 = min(first + 8u * slot + 3u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row3, low_col), value4(row3, high_col),
                subgroupBroadcast(own0, 3u), subgroupBroadcast(own1, 3u),
                subgroupBroadcast(own2, 3u), subgroupBroadcast(own3, 3u),
                subgroupBroadcast(own4, 3u), subgroupBroadcast(own5, 3u),
                subgroupBroadcast(own6, 3u), subgroupBroadcast(own7, 3u),
            );
            let row4 = min(first + 8u * slot + 4u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row4, low_col), value4(row4, high_col),
                subgroupBroadcast(own0, 4u), subgroupBroadcast(own1, 4u),
                subgroupBroadcast(own2, 4u), subgroupBroadcast(own3, 4u),
                subgroupBroadcast(own4, 4u), subgroupBroadcast(own5, 4u),
                subgroupBroadcast(own6, 4u), subgroupBroadcast(own7, 4u),
            );
            let row5 = min(first + 8u * slot + 5u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row5, low_col), value4(row5, high_col),
                subgroupBroadcast(own0, 5u), subgroupBroadcast(own1, 5u),
                subgroupBroadcast(own2, 5u), subgroupBroadcast(own3, 5u),
                subgroupBroadcast(own4, 5u), subgroupBroadcast(own5, 5u),
                subgroupBroadcast(own6, 5u), subgroupBroadcast(own7, 5u),
            );
            let row6 = min(first + 8u * slot + 6u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row6, low_col), value4(row6, high_col),
                subgroupBroadcast(own0, 6u), subgroupBroadcast(own1, 6u),
                subgroupBroadcast(own2, 6u), subgroupBroadcast(own3, 6u),
                subgroupBroadcast(own4, 6u), subgroupBroadcast(own5, 6u),
                subgroupBroadcast(own6, 6u), subgroupBroadcast(own7, 6u),
            );
            let row7 = min(first + 8u * slot + 7u, end - 1u) * params.kv_stride + kv_base;
            sums = with_key(
                sums, value4(row7, low_col), value4(row7, high_col),
                subgroupBroadcast(own0, 7u), subgroupBroadcast(own1, 7u),
                subgroupBroadcast(own2, 7u), subgroupBroadcast(own3, 7u),
                subgroupBroadcast(own4, 7u), subgroupBroadcast(own5, 7u),
                subgroupBroadcast(own6, 7u), subgroupBroadcast(own7, 7u),
            );
        }
    }
    totals0 = total_of_lanes(totals0); totals1 = total_of_lanes(totals1);
    totals2 = total_of_lanes(totals2); totals3 = total_of_lanes(totals3);
    totals4 = total_of_lanes(totals4); totals5 = total_of_lanes(totals5);
    totals6 = total_of_lanes(totals6); totals7 = total_of_lanes(totals7);
    // Four queries at a time.
    for (var group = 0u; group < 8u; group++) {
        let peaks = of_eight(group, peaks0, peaks1, peaks2, peaks3, peaks4, peaks5, peaks6, peaks7);
        let totals = of_eight(group, totals0, totals1, totals2, totals3, totals4, totals5, totals6, totals7);
        let low = array<vec4<f32>, 4>(
            of_eight(
                group, sums.low0[0], sums.low1[0], sums.low2[0], sums.low3[0],
                sums.low4[0], sums.low5[0], sums.low6[0], sums.low7[0],
            ),
            of_eight(
                group, sums.low0[1], sums.low1[1], sums.low2[1], sums.low3[1],
                sums.low4[1], sums.low5[1], sums.low6[1], sums.low7[1],
            ),
            of_eight(
                group, sums.low0[2], sums.low1[2], sums.low2[2], sums.low3[2],
                sums.low4[2], sums.low5[2], sums.low6[2], sums.low7[2],
            ),
            of_eight(
                group, sums.low0[3], sums.low1[3], sums.low2[3], sums.low3[3],
                sums.low4[3], sums.low5[3], sums.low6[3], sums.low7[3],
            ),
        );
        let high = array<vec4<f32>, 4>(
            of_eight(
                group, sums.high0[0], sums.high1[0], sums.high2[0], sums.high3[0],
                sums.high4[0], sums.high5[0], sums.high6[0], sums.high7[0],
            ),
            of_eight(
                group, sums.high0[1], sums.high1[1], sums.high2[1], sums.high3[1],
                sums.high4[1], sums.high5[1], sums.high6[1], sums.high7[1],
            ),
            of_eight(
                group, sums.high0[2], sums.high1[2], sums.high2[2], sums.high3[2],
                sums.high4[2], sums.high5[2], sums.high6[2], sums.high7[2],
            ),
            of_eight(
                group, sums.high0[3], sums.high1[3], sums.high2[3], sums.high3[3],
                sums.high4[3], sums.high5[3], sums.high6[3], sums.high7[3],
            ),
        );
        for (var i = 0u; i < 4u; i++) {
            put(query + 4u * group + i, head, id.z, lane, peaks[i], totals[i], low[i], high[i]);
        }
    }
}
