// Rotary position embedding, in place, half-split pairs (i, i + head_dim / 2) as in `rotate_half`.
//
// The angles come as a table from the CPU: sines of large arguments are not accurate on all GPUs.
// table [tokens, head_dim]: cosines of the first half, then sines.

struct Params {
    tokens: u32,
    heads: u32,
    head_dim: u32,
    stride: u32,
    table_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> table: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let half = params.head_dim / 2u;
    let per_token = params.heads * half;
    if index >= params.tokens * per_token {
        return;
    }
    let token = index / per_token;
    let head = (index % per_token) / half;
    let i = index % half;
    let angle = token * params.table_stride + i;
    let cosine = table[angle];
    let sine = table[angle + half];
    let first = token * params.stride + head * params.head_dim + i;
    let second = first + half;
    let a = x[first];
    let b = x[second];
    x[first] = a * cosine - b * sine;
    x[second] = b * cosine + a * sine;
}
