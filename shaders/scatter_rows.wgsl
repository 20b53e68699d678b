// out[indices[i]] = source[source_row + i]: puts image features where the image tokens stand; four
// elements per invocation.

struct Params {
    count: u32,
    source_row: u32,
    rows: u32,
    // Groups of four in a row.
    width4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.count * params.width4 {
        return;
    }
    let i = index / params.width4;
    let col = index % params.width4;
    let row = indices[i];
    if row >= params.rows {
        return;
    }
    out[row * params.width4 + col] = source[(params.source_row + i) * params.width4 + col];
}
