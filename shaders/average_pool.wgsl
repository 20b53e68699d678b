// Adaptive average pooling of a grid of positions, channel by channel: out[(i, j)] = mean of x[(r, c)]
// over floor(i H / h) <= r < ceil((i + 1) H / h), and columns likewise. Windows overlap where h does
// not divide H.
//
// x [side * side, channels], out [out_side * out_side, channels], positions row by row. Four channels
// of one output position per invocation: neighbors read neighboring channels.

struct Params {
    side: u32,
    out_side: u32,
    // Groups of four in a row.
    width4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

fn first(i: u32) -> u32 {
    return i * params.side / params.out_side;
}

fn past(i: u32) -> u32 {
    return ((i + 1u) * params.side + params.out_side - 1u) / params.out_side;
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.out_side * params.out_side * params.width4 {
        return;
    }
    let place = index / params.width4;
    let channel = index % params.width4;
    let top = first(place / params.out_side);
    let bottom = past(place / params.out_side);
    let left = first(place % params.out_side);
    let right = past(place % params.out_side);
    var sum = vec4<f32>(0.0);
    for (var row = top; row < bottom; row++) {
        for (var col = left; col < right; col++) {
            sum += x[(row * params.side + col) * params.width4 + channel];
        }
    }
    out[index] = sum / f32((bottom - top) * (right - left));
}
