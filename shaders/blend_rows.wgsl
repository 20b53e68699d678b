// out[i] = sum of weights[4 i + k] * source[indices[4 i + k]] over k = 0 .. 3: bilinear interpolation in a
// grid of rows. Where an index lies beyond the source the row stays as it is. Four elements per
// invocation.

struct Params {
    count: u32,
    // Of the source.
    rows: u32,
    // Groups of four in a row.
    width4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> weights: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.count * params.width4 {
        return;
    }
    let i = index / params.width4;
    let col = index % params.width4;
    let rows = indices[i];
    if any(rows >= vec4<u32>(params.rows)) {
        return;
    }
    let weight = weights[i];
    var sum = weight.x * source[rows.x * params.width4 + col];
    sum += weight.y * source[rows.y * params.width4 + col];
    sum += weight.z * source[rows.z * params.width4 + col];
    sum += weight.w * source[rows.w * params.width4 + col];
    out[index] = sum;
}
