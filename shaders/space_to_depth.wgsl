// Puts scale x scale neighboring positions of a grid side by side: out[(i, j)] = x[(scale i + dy, scale
// j + dx)] for all (dy, dx), row by row, one after another.
//
// x [side * side, channels], out [(side / scale)^2, scale * scale * channels]. One element per
// invocation: neighbors read and write neighboring channels, also where channels are no multiple of
// four.

struct Params {
    side: u32,
    scale: u32,
    channels: u32,
    x_stride: u32,
    out_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.side * params.side * params.channels {
        return;
    }
    let out_side = params.side / params.scale;
    let width = params.scale * params.scale * params.channels;
    let place = index / width;
    let element = index % width;
    let part = element / params.channels;
    let row = (place / out_side) * params.scale + part / params.scale;
    let col = (place % out_side) * params.scale + part % params.scale;
    out[place * params.out_stride + element] =
        x[(row * params.side + col) * params.x_stride + element % params.channels];
}
