// out = activation(a . b^T + bias) + residual for one or a few rows of `a`: each row of `b` is read
// once from end to end. `tiled` gives four outputs to a workgroup, `direct` one to an invocation.
//
// a [m, k] f32, b [n, k] in any storage type, blocks included, bias [n], residual and out [m, n].

import package::common::activation::activate;
import package::common::blocks::stored8;
import package::common::keep::keep;
import package::common::reduce::workgroup_sum4;
import package::common::stored::Eight;
import package::common::weights::keep8;
import package::common::weights::weights4;

override DTYPE: u32 = 0u;
override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;

struct Params {
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
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

fn dot8(x: Eight, y: Eight) -> f32 {
    return dot(x.low, y.low) + dot(x.high, y.high);
}

fn store(row: u32, col: u32, sum: f32) {
    var value = sum;
    if HAS_BIAS {
        value += bias[params.out_col + col];
    }
    value = activate(ACTIVATION, value);
    if HAS_RESIDUAL {
        value += residual[(params.residual_row + row) * params.residual_stride + params.out_col + col];
    }
    out[(params.out_row + row) * params.out_stride + params.out_col + col] = value;
}

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let col = (group.y * 32768u + group.x) * 4u;
    if col >= params.n {
        return;
    }
    let last_col = params.n - 1u;
    let row0 = col * params.b_stride;
    let row1 = min(col + 1u, last_col) * params.b_stride;
    let row2 = min(col + 2u, last_col) * params.b_stride;
    let row3 = min(col + 3u, last_col) * params.b_stride;
    let a_row = group.z * params.a_stride;
    let last = params.k - 1u;
    var sums = vec4<f32>(0.0);
    for (var k = 8u * local; k < params.k; k += 512u) {
        let valid = params.k - k;
        let x = keep8(Eight(a[a_row + k / 4u], a[a_row + min(k / 4u + 1u, last / 4u)]), valid);
        sums += vec4<f32>(
            dot8(x, keep8(stored8(DTYPE, row0, k, params.k), valid)),
            dot8(x, keep8(stored8(DTYPE, row1, k, params.k), valid)),
            dot8(x, keep8(stored8(DTYPE, row2, k, params.k), valid)),
            dot8(x, keep8(stored8(DTYPE, row3, k, params.k), valid)),
        );
    }
    let totals = workgroup_sum4(local, sums);
    if local < 4u && col + local < params.n {
        store(group.z, col + local, select(select(totals.x, totals.y, local == 1u), select(totals.z, totals.w, local == 3u), local > 1u));
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.n {
        return;
    }
    let a_row = id.z * params.a_stride;
    let b_row = id.x * params.b_stride;
    var sum = 0.0;
    if DTYPE >= 3u {
        // Whole blocks: elements in eights, which share a scale.
        for (var k = 0u; k < params.k; k += 8u) {
            sum += dot8(Eight(a[a_row + k / 4u], a[a_row + k / 4u + 1u]), stored8(DTYPE, b_row, k, params.k));
        }
        store(id.z, id.x, sum);
        return;
    }
    for (var k4 = 0u; k4 * 4u < params.k; k4++) {
        let valid = params.k - k4 * 4u;
        sum += dot(keep(a[a_row + k4], valid), keep(weights4(DTYPE, b_row, k4), valid));
    }
    store(id.z, id.x, sum);
}
