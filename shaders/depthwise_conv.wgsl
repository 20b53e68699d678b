// Depthwise convolution of a grid of positions, stride 1, zeros around it: out[(r, c)] = sum over
// (dy, dx) of weight[(dy, dx)] * x[(r + dy - k / 2, c + dx - k / 2)], channel by channel (elementwise
// products of rows).
//
// x and out [side * side, channels], positions row by row; weight [k * k, channels]. Four channels of
// one position per invocation: neighbors read neighboring channels, and the same rows of x for the
// next position.

struct Params {
    side: u32,
    // Side of the kernel, odd.
    size: u32,
    // Groups of four in a row.
    width4: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.side * params.side * params.width4 {
        return;
    }
    let place = index / params.width4;
    let channel = index % params.width4;
    let half = params.size / 2u;
    var sum = vec4<f32>(0.0);
    for (var dy = 0u; dy < params.size; dy++) {
        // A position above the grid wraps around and is out of range as well.
        let row = place / params.side + dy - half;
        if row >= params.side {
            continue;
        }
        for (var dx = 0u; dx < params.size; dx++) {
            let col = place % params.side + dx - half;
            if col >= params.side {
                continue;
            }
            sum += weight[(dy * params.size + dx) * params.width4 + channel]
                * x[(row * params.side + col) * params.width4 + channel];
        }
    }
    out[index] = sum;
}
