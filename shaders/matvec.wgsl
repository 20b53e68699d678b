// out = activation(a . b^T + bias) + residual for one or a few rows of `a`: each row of `b` is read
// once from end to end. `tiled` gives an output to a workgroup, `direct` to an invocation.
//
// a [m, k] f32, b [n, k] in any storage type, bias [n], residual and out [m, n].

import package::common::dtype::unpack_16;
import package::common::activation::activate;
import package::common::reduce::workgroup_sum;

override DTYPE: u32 = 0u;
override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;

struct Params {
    n: u32,
    k: u32,
    // Strides of `a` and `b` in units of four elements.
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
@group(0) @binding(2) var<storage, read> b: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> residual: array<f32>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

fn load_b(index: u32) -> vec4<f32> {
    if DTYPE == 0u {
        return bitcast<vec4<f32>>(vec4<u32>(b[2u * index], b[2u * index + 1u]));
    }
    return unpack_16(DTYPE, b[index]);
}

// Products of the groups of four from `start` on, in steps of `step`.
fn partial_dot(row: u32, col: u32, start: u32, step: u32) -> f32 {
    var sum = 0.0;
    for (var k4 = start; k4 * 4u < params.k; k4 += step) {
        let valid = vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.k - k4 * 4u);
        let x = select(vec4<f32>(0.0), a[row * params.a_stride + k4], valid);
        let y = select(vec4<f32>(0.0), load_b(col * params.b_stride + k4), valid);
        sum += dot(x, y);
    }
    return sum;
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
    let col = group.y * 32768u + group.x;
    if col >= params.n {
        return;
    }
    let sum = workgroup_sum(local, partial_dot(group.z, col, local, 64u));
    if local == 0u {
        store(group.z, col, sum);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < params.n {
        store(id.z, id.x, partial_dot(id.z, id.x, 0u, 1u));
    }
}
