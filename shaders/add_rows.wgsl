// out[i] = x[x_row + i] + y[i]: adds position embeddings to tokens from some row on; four elements per
// invocation.

struct Params {
    rows: u32,
    // Groups of four in a row.
    width4: u32,
    x_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.rows * params.width4 {
        return;
    }
    out[index] = x[params.x_row * params.width4 + index] + y[index];
}
