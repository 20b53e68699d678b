// out = a . b^T, one invocation per element and one load per operand: the yardstick that the
// benchmark measures `matmul` against. a [m, k], b [n, k], all f32.

struct Params {
    m: u32,
    n: u32,
    k: u32,
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(16, 16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.y >= params.m || id.x >= params.n {
        return;
    }
    var sum = 0.0;
    for (var k = 0u; k < params.k; k++) {
        sum += a[id.y * params.a_stride + k] * b[id.x * params.b_stride + k];
    }
    out[id.y * params.out_stride + id.x] = sum;
}
