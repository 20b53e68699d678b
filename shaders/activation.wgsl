// out = activation(x), elementwise over padded rows, four elements per invocation.

import package::common::activation::activate4;

override ACTIVATION: u32 = 0u;

struct Params {
    count4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.count4 {
        return;
    }
    out[index] = activate4(ACTIVATION, x[index]);
}
