// out = activation(a . b^T + bias) + residual for one or a few rows of `a`: each row of `b` is read from end
// to end, and decoded, once for ROWS of them. `tiled` gives four columns to a workgroup, `direct` eight to an
// invocation. A sum has the same bits in whichever company it is computed.
//
// GATED: the rows of `b` are those of two matrices, one below the other, and
// out = activation(a . gate^T + bias) * (a . up^T + bias) + residual.
//
// a [m, k] f32, b [n, k] in any storage type, blocks included, bias [n], residual and out [m, n]; of a gated product
// b [2 n, k] and bias [2, n].

import package::common::activation::activate;
import package::common::blocks::packed_count;
import package::common::blocks::packed_with;
import package::common::blocks::upper16;
import package::common::blocks::stored8;
import package::common::blocks::unpacked8;
import package::common::stored::Eight;
import package::common::weights::keep8;
import package::common::weights::weights8;

override DTYPE: u32 = 0u;
// Rows of `a` that a workgroup takes: 1, 2, 4 or 8.
override ROWS: u32 = 1u;
override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
override GATED: bool = false;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    // Strides of `a` and `b` in units of 16 bytes.
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
    residual_stride: u32,
    out_row: u32,
    residual_row: u32,
    out_col: u32,
    up_bias: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

// Where a row of `a` begins; the last one stands for those beyond.
fn a_row(row: u32) -> u32 {
    return min(row, params.m - 1u) * params.a_stride;
}

// Rows of `b`.
fn lines() -> u32 {
    return select(params.n, 2u * params.n, GATED);
}

fn b_row(line: u32) -> u32 {
    return min(line, lines() - 1u) * params.b_stride;
}

fn dot8(x: Eight, y: Eight) -> f32 {
    return dot(x.low, y.low) + dot(x.high, y.high);
}

fn dots8(x: Eight, w0: Eight, w1: Eight, w2: Eight, w3: Eight) -> vec4<f32> {
    return vec4<f32>(dot8(x, w0), dot8(x, w1), dot8(x, w2), dot8(x, w3));
}

fn store(row: u32, col: u32, sum: f32) {
    var value = sum;
    if HAS_BIAS {
        value += bias[params.out_col + col];
    }
    put(row, col, activate(ACTIVATION, value));
}

fn store_gated(row: u32, col: u32, gate: f32, up: f32) {
    var gates = gate;
    var ups = up;
    if HAS_BIAS {
        gates += bias[params.out_col + col];
        ups += bias[params.up_bias + params.out_col + col];
    }
    put(row, col, activate(ACTIVATION, gates) * ups);
}

fn put(row: u32, col: u32, activated: f32) {
    var value = activated;
    if HAS_RESIDUAL {
        value += residual[(params.residual_row + row) * params.residual_stride + params.out_col + col];
    }
    out[(params.out_row + row) * params.out_stride + params.out_col + col] = value;
}

// Sums of all invocations, row by row of `a`.
var<workgroup> sums: array<vec4<f32>, 64u * ROWS>;

// Eight elements of the row of `a` that begins at `row`, of which `params.k - k` count.
fn kept(row: u32, k: u32) -> Eight {
    let last = (params.k - 1u) / 4u;
    return keep8(Eight(a[row + k / 4u], a[row + min(k / 4u + 1u, last)]), params.k - k);
}

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let line = (group.y * 32768u + group.x) * 4u;
    if line >= lines() {
        return;
    }
    // Its columns: four, or two and what they multiply.
    let col = select(line, line / 2u, GATED);
    let other = select(line + 2u, params.n + col, GATED);
    let row = group.z * ROWS;
    let a0 = a_row(row + 0u); let a1 = a_row(row + 1u); let a2 = a_row(row + 2u); let a3 = a_row(row + 3u);
    let a4 = a_row(row + 4u); let a5 = a_row(row + 5u); let a6 = a_row(row + 6u); let a7 = a_row(row + 7u);
    let b0 = b_row(col + 0u); let b1 = b_row(col + 1u); let b2 = b_row(other + 0u); let b3 = b_row(other + 1u);
    var s0 = vec4<f32>(); var s1 = vec4<f32>(); var s2 = vec4<f32>(); var s3 = vec4<f32>();
    var s4 = vec4<f32>(); var s5 = vec4<f32>(); var s6 = vec4<f32>(); var s7 = vec4<f32>();
    for (var k = 8u * local; k < params.k; k += 512u) {
        let valid = params.k - k;
        let w0 = keep8(stored8(DTYPE, b0, k, params.k), valid);
        let w1 = keep8(stored8(DTYPE, b1, k, params.k), valid);
        let w2 = keep8(stored8(DTYPE, b2, k, params.k), valid);
        let w3 = keep8(stored8(DTYPE, b3, k, params.k), valid);
        s0 += dots8(kept(a0, k), w0, w1, w2, w3);
        if ROWS > 1u {
            s1 += dots8(kept(a1, k), w0, w1, w2, w3);
        }
        if ROWS > 2u {
            s2 += dots8(kept(a2, k), w0, w1, w2, w3);
            s3 += dots8(kept(a3, k), w0, w1, w2, w3);
        }
        if ROWS > 4u {
            s4 += dots8(kept(a4, k), w0, w1, w2, w3);
            s5 += dots8(kept(a5, k), w0, w1, w2, w3);
            s6 += dots8(kept(a6, k), w0, w1, w2, w3);
            s7 += dots8(kept(a7, k), w0, w1, w2, w3);
        }
    }
    sums[local] = s0;
    if ROWS > 1u {
        sums[64u + local] = s1;
    }
    if ROWS > 2u {
        sums[128u + local] = s2;
        sums[192u + local] = s3;
    }
    if ROWS > 4u {
        sums[256u + local] = s4;
        sums[320u + local] = s5;
        sums[384u + local] = s6;
        sums[448u + local] = s7;
    }
    workgroupBarrier();
    // By halves, those of all rows side by side.
    for (var shift = 6u; shift > 0u; shift--) {
        let half = 1u << (shift - 1u);
        for (var i = local; i < ROWS * half; i += 64u) {
            let at = (i >> (shift - 1u)) * 64u + (i & (half - 1u));
            sums[at] += sums[at + half];
        }
        workgroupBarrier();
    }
    if GATED {
        let at = vec2<u32>(row + local / 2u, col + local % 2u);
        if local < 2u * ROWS && at.x < params.m && at.y < params.n {
            let total = sums[local / 2u * 64u];
            let is_odd = (local & 1u) == 1u;
            store_gated(at.x, at.y, select(total.x, total.y, is_odd), select(total.z, total.w, is_odd));
        }
        return;
    }
    let at = vec2<u32>(row + local / 4u, col + local % 4u);
    if local < 4u * ROWS && at.x < params.m && at.y < params.n {
        let total = sums[local / 4u * 64u];
        store(at.x, at.y, select(select(total.x, total.y, (local & 1u) == 1u), select(total.z, total.w, (local & 1u) == 1u), (local & 2u) == 2u));
    }
}

fn eight_of_a(row: u32, k: u32) -> Eight {
    return Eight(a[row + k / 4u], a[row + k / 4u + 1u]);
}

// What is left of a row of floats behind its last whole eight.
fn rest(a_row: u32, b_row: u32) -> f32 {
    let valid = params.k % 8u;
    if DTYPE >= 3u || valid == 0u {
        return 0.0;
    }
    let k = params.k - valid;
    return dot8(kept(a_row, k), keep8(weights8(DTYPE, b_row, k, params.k - 1u), valid));
}

fn store_column(row: u32, col: u32, sum: f32) {
    if row < params.m && col < params.n {
        store(row, col, sum + rest(a_row(row), b_row(col)));
    }
}

fn store_gated_column(row: u32, col: u32, gate: f32, up: f32) {
    if row < params.m && col < params.n {
        let a_row = a_row(row);
        store_gated(row, col, gate + rest(a_row, b_row(col)), up + rest(a_row, b_row(params.n + col)));
    }
}

// Loops over rows are written out, see matmul.wgsl.
@compute @workgroup_size(8)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let line = id.x * 8u;
    if line >= lines() {
        return;
    }
    // Its columns: eight, or four and what they multiply.
    let col = select(line, line / 2u, GATED);
    let other = select(line + 4u, params.n + col, GATED);
    let row = id.z * ROWS;
    let a0 = a_row(row + 0u); let a1 = a_row(row + 1u); let a2 = a_row(row + 2u); let a3 = a_row(row + 3u);
    let a4 = a_row(row + 4u); let a5 = a_row(row + 5u); let a6 = a_row(row + 6u); let a7 = a_row(row + 7u);
    let b0 = b_row(col + 0u); let b1 = b_row(col + 1u); let b2 = b_row(col + 2u); let b3 = b_row(col + 3u);
    let b4 = b_row(other + 0u); let b5 = b_row(other + 1u); let b6 = b_row(other + 2u); let b7 = b_row(other + 3u);
    var s0a = vec4<f32>(); var s0b = vec4<f32>(); var s1a = vec4<f32>(); var s1b = vec4<f32>();
    var s2a = vec4<f32>(); var s2b = vec4<f32>(); var s3a = vec4<f32>(); var s3b = vec4<f32>();
    var s4a = vec4<f32>(); var s4b = vec4<f32>(); var s5a = vec4<f32>(); var s5b = vec4<f32>();
    var s6a = vec4<f32>(); var s6b = vec4<f32>(); var s7a = vec4<f32>(); var s7b = vec4<f32>();
    let end = params.k / 8u * 8u;
    // What elements share is read once: floats have one loop through all of a row, blocks one through those that
    // a scale belongs to, and elements of 6 bits one more, through four sixteens with their upper bits in one place.
    let is_six = DTYPE == 10u;
    let count = select(packed_count(DTYPE), end, DTYPE < 3u);
    for (var turn = 0u; turn < end; turn = select(end, turn + 64u, is_six)) {
        let start = turn / 128u * 128u + turn % 128u / 64u * 16u;
        let stop = select(end, start + 128u, is_six);
        let u0 = upper16(DTYPE, b0, start, params.k); let u1 = upper16(DTYPE, b1, start, params.k);
        let u2 = upper16(DTYPE, b2, start, params.k); let u3 = upper16(DTYPE, b3, start, params.k);
        let u4 = upper16(DTYPE, b4, start, params.k); let u5 = upper16(DTYPE, b5, start, params.k);
        let u6 = upper16(DTYPE, b6, start, params.k); let u7 = upper16(DTYPE, b7, start, params.k);
        for (var first = start; first < stop; first += select(count, 32u, is_six)) {
            let p0 = packed_with(DTYPE, b0, first, params.k, u0);
            let p1 = packed_with(DTYPE, b1, first, params.k, u1);
            let p2 = packed_with(DTYPE, b2, first, params.k, u2);
            let p3 = packed_with(DTYPE, b3, first, params.k, u3);
            let p4 = packed_with(DTYPE, b4, first, params.k, u4);
            let p5 = packed_with(DTYPE, b5, first, params.k, u5);
            let p6 = packed_with(DTYPE, b6, first, params.k, u6);
            let p7 = packed_with(DTYPE, b7, first, params.k, u7);
            for (var k = first; k < first + count; k += 8u) {
                let w0 = unpacked8(DTYPE, p0, b0, k, params.k);
                let w1 = unpacked8(DTYPE, p1, b1, k, params.k);
                let w2 = unpacked8(DTYPE, p2, b2, k, params.k);
                let w3 = unpacked8(DTYPE, p3, b3, k, params.k);
                let w4 = unpacked8(DTYPE, p4, b4, k, params.k);
                let w5 = unpacked8(DTYPE, p5, b5, k, params.k);
                let w6 = unpacked8(DTYPE, p6, b6, k, params.k);
                let w7 = unpacked8(DTYPE, p7, b7, k, params.k);
                let x0 = eight_of_a(a0, k);
                s0a += dots8(x0, w0, w1, w2, w3); s0b += dots8(x0, w4, w5, w6, w7);
                if ROWS > 1u {
                    let x1 = eight_of_a(a1, k);
                    s1a += dots8(x1, w0, w1, w2, w3); s1b += dots8(x1, w4, w5, w6, w7);
                }
                if ROWS > 2u {
                    let x2 = eight_of_a(a2, k);
                    s2a += dots8(x2, w0, w1, w2, w3); s2b += dots8(x2, w4, w5, w6, w7);
                    let x3 = eight_of_a(a3, k);
                    s3a += dots8(x3, w0, w1, w2, w3); s3b += dots8(x3, w4, w5, w6, w7);
                }
                if ROWS > 4u {
                    let x4 = eight_of_a(a4, k);
                    s4a += dots8(x4, w0, w1, w2, w3); s4b += dots8(x4, w4, w5, w6, w7);
                    let x5 = eight_of_a(a5, k);
                    s5a += dots8(x5, w0, w1, w2, w3); s5b += dots8(x5, w4, w5, w6, w7);
                    let x6 = eight_of_a(a6, k);
                    s6a += dots8(x6, w0, w1, w2, w3); s6b += dots8(x6, w4, w5, w6, w7);
                    let x7 = eight_of_a(a7, k);
                    s7a += dots8(x7, w0, w1, w2, w3); s7b += dots8(x7, w4, w5, w6, w7);
                }
            }
        }
    }
    // In a loop: what is written out 16 times takes long to compile.
    var all = array<vec4<f32>, 16>(
        s0a, s0b, s1a, s1b, s2a, s2b, s3a, s3b,
        s4a, s4b, s5a, s5b, s6a, s6b, s7a, s7b,
    );
    for (var i = 0u; i < ROWS && GATED; i++) {
        let gate = all[2u * i];
        let up = all[2u * i + 1u];
        store_gated_column(row + i, col, gate.x, up.x);
        store_gated_column(row + i, col + 1u, gate.y, up.y);
        store_gated_column(row + i, col + 2u, gate.z, up.z);
        store_gated_column(row + i, col + 3u, gate.w, up.w);
    }
    for (var i = 0u; i < 2u * ROWS && !GATED; i++) {
        let at = vec2<u32>(row + i / 2u, col + i % 2u * 4u);
        store_column(at.x, at.y, all[i].x);
        store_column(at.x, at.y + 1u, all[i].y);
        store_column(at.x, at.y + 2u, all[i].z);
        store_column(at.x, at.y + 3u, all[i].w);
    }
}
