// x = ((x - means[mean_row]) - rests[mean_row]) * scale, in place, with the power of two that the
// statistics (see norm_stats) give. The mean comes in two parts, a rounded one and what it left over,
// so that it is exact beyond f32. Four columns of several rows per invocation.

import package::common::opaque::opaque;

struct Params {
    rows: u32,
    // Groups of four in a row.
    width4: u32,
    mean_row: u32,
    // First element of the layer's statistics.
    stats_start: u32,
    zero: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> means: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rests: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;

// Rows of an invocation: what it reads of the mean serves all of them.
const ROWS: u32 = 8u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let first = index / params.width4 * ROWS;
    if first >= params.rows {
        return;
    }
    let col4 = index % params.width4;
    let mean = means[params.mean_row * params.width4 + col4];
    let rest = rests[params.mean_row * params.width4 + col4];
    let scale = stats[params.stats_start + 5u];
    for (var row = first; row < min(first + ROWS, params.rows); row++) {
        let at = row * params.width4 + col4;
        x[at] = (opaque(x[at] - mean, params.zero) - rest) * scale;
    }
}
