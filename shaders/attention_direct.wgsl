// As `attention`, for software adapters: an invocation takes four queries, 64 columns of a head and the keys from
// `first` to `end`, four at a time, without barriers. `state` carries the running maxima and totals from one piece of
// the keys to the next. What it reads serves four queries, since software adapters read value by value; and sums are
// variables of their own, since they gather and scatter what a loop indexes.

import package::common::softmax::LOWEST;
import package::common::softmax::largest;
import package::common::softmax::shifted;
import package::common::softmax::weights;
import package::common::total::total4;

// Whether heads begin at multiples of four elements.
override ALIGNED: bool = true;
// Columns that are computed: 16, 32, 48 or 64.
override COLUMNS: u32 = 64u;
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

// The products of `x` with four keys.
fn dots(x: vec4<f32>, k0: vec4<f32>, k1: vec4<f32>, k2: vec4<f32>, k3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, k0), dot(x, k1), dot(x, k2), dot(x, k3));
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
    var s0a = vec4<f32>(); var s0b = vec4<f32>(); var s0c = vec4<f32>(); var s0d = vec4<f32>();
    var s1a = vec4<f32>(); var s1b = vec4<f32>(); var s1c = vec4<f32>(); var s1d = vec4<f32>();
    var s2a = vec4<f32>(); var s2b = vec4<f32>(); var s2c = vec4<f32>(); var s2d = vec4<f32>();
    var s3a = vec4<f32>(); var s3b = vec4<f32>(); var s3c = vec4<f32>(); var s3d = vec4<f32>();
    var s4a = vec4<f32>(); var s4b = vec4<f32>(); var s4c = vec4<f32>(); var s4d = vec4<f32>();
    var s5a = vec4<f32>(); var s5b = vec4<f32>(); var s5c = vec4<f32>(); var s5d = vec4<f32>();
    var s6a = vec4<f32>(); var s6b = vec4<f32>(); var s6c = vec4<f32>(); var s6d = vec4<f32>();
    var s7a = vec4<f32>(); var s7b = vec4<f32>(); var s7c = vec4<f32>(); var s7d = vec4<f32>();
    var s8a = vec4<f32>(); var s8b = vec4<f32>(); var s8c = vec4<f32>(); var s8d = vec4<f32>();
    var s9a = vec4<f32>(); var s9b = vec4<f32>(); var s9c = vec4<f32>(); var s9d = vec4<f32>();
    var saa = vec4<f32>(); var sab = vec4<f32>(); var sac = vec4<f32>(); var sad = vec4<f32>();
    var sba = vec4<f32>(); var sbb = vec4<f32>(); var sbc = vec4<f32>(); var sbd = vec4<f32>();
    var sca = vec4<f32>(); var scb = vec4<f32>(); var scc = vec4<f32>(); var scd = vec4<f32>();
    var sda = vec4<f32>(); var sdb = vec4<f32>(); var sdc = vec4<f32>(); var sdd = vec4<f32>();
    var sea = vec4<f32>(); var seb = vec4<f32>(); var sec = vec4<f32>(); var sed = vec4<f32>();
    var sfa = vec4<f32>(); var sfb = vec4<f32>(); var sfc = vec4<f32>(); var sfd = vec4<f32>();
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
        // Four columns after the other.
        let c0 = first_col + 0u; let v00 = value4(rows.x, c0); let v01 = value4(rows.y, c0);
        let v02 = value4(rows.z, c0); let v03 = value4(rows.w, c0);
        s0a = add(s0a * shrink.x, w0, v00, v01, v02, v03); s0b = add(s0b * shrink.y, w1, v00, v01, v02, v03);
        s0c = add(s0c * shrink.z, w2, v00, v01, v02, v03); s0d = add(s0d * shrink.w, w3, v00, v01, v02, v03);
        let c1 = first_col + 4u; let v10 = value4(rows.x, c1); let v11 = value4(rows.y, c1);
        let v12 = value4(rows.z, c1); let v13 = value4(rows.w, c1);
        s1a = add(s1a * shrink.x, w0, v10, v11, v12, v13); s1b = add(s1b * shrink.y, w1, v10, v11, v12, v13);
        s1c = add(s1c * shrink.z, w2, v10, v11, v12, v13); s1d = add(s1d * shrink.w, w3, v10, v11, v12, v13);
        let c2 = first_col + 8u; let v20 = value4(rows.x, c2); let v21 = value4(rows.y, c2);
        let v22 = value4(rows.z, c2); let v23 = value4(rows.w, c2);
        s2a = add(s2a * shrink.x, w0, v20, v21, v22, v23); s2b = add(s2b * shrink.y, w1, v20, v21, v22, v23);
        s2c = add(s2c * shrink.z, w2, v20, v21, v22, v23); s2d = add(s2d * shrink.w, w3, v20, v21, v22, v23);
        let c3 = first_col + 12u; let v30 = value4(rows.x, c3); let v31 = value4(rows.y, c3);
        let v32 = value4(rows.z, c3); let v33 = value4(rows.w, c3);
        s3a = add(s3a * shrink.x, w0, v30, v31, v32, v33); s3b = add(s3b * shrink.y, w1, v30, v31, v32, v33);
        s3c = add(s3c * shrink.z, w2, v30, v31, v32, v33); s3d = add(s3d * shrink.w, w3, v30, v31, v32, v33);
        if COLUMNS > 16u {
            let c4 = first_col + 16u; let v40 = value4(rows.x, c4); let v41 = value4(rows.y, c4);
            let v42 = value4(rows.z, c4); let v43 = value4(rows.w, c4);
            s4a = add(s4a * shrink.x, w0, v40, v41, v42, v43); s4b = add(s4b * shrink.y, w1, v40, v41, v42, v43);
            s4c = add(s4c * shrink.z, w2, v40, v41, v42, v43); s4d = add(s4d * shrink.w, w3, v40, v41, v42, v43);
            let c5 = first_col + 20u; let v50 = value4(rows.x, c5); let v51 = value4(rows.y, c5);
            let v52 = value4(rows.z, c5); let v53 = value4(rows.w, c5);
            s5a = add(s5a * shrink.x, w0, v50, v51, v52, v53); s5b = add(s5b * shrink.y, w1, v50, v51, v52, v53);
            s5c = add(s5c * shrink.z, w2, v50, v51, v52, v53); s5d = add(s5d * shrink.w, w3, v50, v51, v52, v53);
            let c6 = first_col + 24u; let v60 = value4(rows.x, c6); let v61 = value4(rows.y, c6);
            let v62 = value4(rows.z, c6); let v63 = value4(rows.w, c6);
            s6a = add(s6a * shrink.x, w0, v60, v61, v62, v63); s6b = add(s6b * shrink.y, w1, v60, v61, v62, v63);
            s6c = add(s6c * shrink.z, w2, v60, v61, v62, v63); s6d = add(s6d * shrink.w, w3, v60, v61, v62, v63);
            let c7 = first_col + 28u; let v70 = value4(rows.x, c7); let v71 = value4(rows.y, c7);
            let v72 = value4(rows.z, c7); let v73 = value4(rows.w, c7);
            s7a = add(s7a * shrink.x, w0, v70, v71, v72, v73); s7b = add(s7b * shrink.y, w1, v70, v71, v72, v73);
            s7c = add(s7c * shrink.z, w2, v70, v71, v72, v73); s7d = add(s7d * shrink.w, w3, v70, v71, v72, v73);
        }
        if COLUMNS > 32u {
            let c8 = first_col + 32u; let v80 = value4(rows.x, c8); let v81 = value4(rows.y, c8);
            let v82 = value4(rows.z, c8); let v83 = value4(rows.w, c8);
            s8a = add(s8a * shrink.x, w0, v80, v81, v82, v83); s8b = add(s8b * shrink.y, w1, v80, v81, v82, v83);
            s8c = add(s8c * shrink.z, w2, v80, v81, v82, v83); s8d = add(s8d * shrink.w, w3, v80, v81, v82, v83);
            let c9 = first_col + 36u; let v90 = value4(rows.x, c9); let v91 = value4(rows.y, c9);
            let v92 = value4(rows.z, c9); let v93 = value4(rows.w, c9);
            s9a = add(s9a * shrink.x, w0, v90, v91, v92, v93); s9b = add(s9b * shrink.y, w1, v90, v91, v92, v93);
            s9c = add(s9c * shrink.z, w2, v90, v91, v92, v93); s9d = add(s9d * shrink.w, w3, v90, v91, v92, v93);
            let ca = first_col + 40u; let va0 = value4(rows.x, ca); let va1 = value4(rows.y, ca);
            let va2 = value4(rows.z, ca); let va3 = value4(rows.w, ca);
            saa = add(saa * shrink.x, w0, va0, va1, va2, va3); sab = add(sab * shrink.y, w1, va0, va1, va2, va3);
            sac = add(sac * shrink.z, w2, va0, va1, va2, va3); sad = add(sad * shrink.w, w3, va0, va1, va2, va3);
            let cb = first_col + 44u; let vb0 = value4(rows.x, cb); let vb1 = value4(rows.y, cb);
            let vb2 = value4(rows.z, cb); let vb3 = value4(rows.w, cb);
            sba = add(sba * shrink.x, w0, vb0, vb1, vb2, vb3); sbb = add(sbb * shrink.y, w1, vb0, vb1, vb2, vb3);
            sbc = add(sbc * shrink.z, w2, vb0, vb1, vb2, vb3); sbd = add(sbd * shrink.w, w3, vb0, vb1, vb2, vb3);
        }
        if COLUMNS > 48u {
            let cc = first_col + 48u; let vc0 = value4(rows.x, cc); let vc1 = value4(rows.y, cc);
            let vc2 = value4(rows.z, cc); let vc3 = value4(rows.w, cc);
            sca = add(sca * shrink.x, w0, vc0, vc1, vc2, vc3); scb = add(scb * shrink.y, w1, vc0, vc1, vc2, vc3);
            scc = add(scc * shrink.z, w2, vc0, vc1, vc2, vc3); scd = add(scd * shrink.w, w3, vc0, vc1, vc2, vc3);
            let cd = first_col + 52u; let vd0 = value4(rows.x, cd); let vd1 = value4(rows.y, cd);
            let vd2 = value4(rows.z, cd); let vd3 = value4(rows.w, cd);
            sda = add(sda * shrink.x, w0, vd0, vd1, vd2, vd3); sdb = add(sdb * shrink.y, w1, vd0, vd1, vd2, vd3);
            sdc = add(sdc * shrink.z, w2, vd0, vd1, vd2, vd3); sdd = add(sdd * shrink.w, w3, vd0, vd1, vd2, vd3);
            let ce = first_col + 56u; let ve0 = value4(rows.x, ce); let ve1 = value4(rows.y, ce);
            let ve2 = value4(rows.z, ce); let ve3 = value4(rows.w, ce);
            sea = add(sea * shrink.x, w0, ve0, ve1, ve2, ve3); seb = add(seb * shrink.y, w1, ve0, ve1, ve2, ve3);
            sec = add(sec * shrink.z, w2, ve0, ve1, ve2, ve3); sed = add(sed * shrink.w, w3, ve0, ve1, ve2, ve3);
            let cf = first_col + 60u; let vf0 = value4(rows.x, cf); let vf1 = value4(rows.y, cf);
            let vf2 = value4(rows.z, cf); let vf3 = value4(rows.w, cf);
            sfa = add(sfa * shrink.x, w0, vf0, vf1, vf2, vf3); sfb = add(sfb * shrink.y, w1, vf0, vf1, vf2, vf3);
            sfc = add(sfc * shrink.z, w2, vf0, vf1, vf2, vf3); sfd = add(sfd * shrink.w, w3, vf0, vf1, vf2, vf3);
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
    // In a loop: what is written out 64 times takes long to compile.
    var sums = array<vec4<f32>, 64>(
        s0a, s0b, s0c, s0d, s1a, s1b, s1c, s1d, s2a, s2b, s2c, s2d, s3a, s3b, s3c, s3d,
        s4a, s4b, s4c, s4d, s5a, s5b, s5c, s5d, s6a, s6b, s6c, s6d, s7a, s7b, s7c, s7d,
        s8a, s8b, s8c, s8d, s9a, s9b, s9c, s9d, saa, sab, sac, sad, sba, sbb, sbc, sbd,
        sca, scb, scc, scd, sda, sdb, sdc, sdd, sea, seb, sec, sed, sfa, sfb, sfc, sfd,
    );
    let count = (columns + 3u) / 4u;
    for (var i = 0u; i < 4u && query + i < params.queries; i++) {
        state[at[i]] = vec2<f32>(peaks[i], totals[i]);
        for (var c = 0u; c < count; c++) {
            write4(q_bases[i] + first_col + 4u * c, sums[4u * c + i], shares[i], kept[i], columns - 4u * c);
        }
    }
}
