// Counts, column by column, how many values of the rows of x fall into each bin:
//   t = (x - centers[layer]) * inverse[layer],  bins[floor((1 + t / (1 + |t|)) * half the bins)] += 1,
// so that bins are narrow near the center and the last ones reach to infinity; NaN and the infinities have none.
// Counts are f32, exact up to 2^24.
// An invocation owns a column, so that no two of them count at once.

import package::common::opaque::opaque;

struct Params {
    rows: u32,
    cols: u32,
    x_stride: u32,
    layer: u32,
    bins: u32,
    zero: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> centers: array<f32>;
@group(0) @binding(3) var<storage, read> inverse: array<f32>;
@group(0) @binding(4) var<storage, read_write> bins: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    if col >= params.cols {
        return;
    }
    let own = params.layer * params.x_stride + col;
    let center = centers[own];
    let factor = inverse[own];
    let half = f32(params.bins / 2u);
    for (var row = 0u; row < params.rows; row++) {
        let value = x[row * params.x_stride + col];
        // NaN and the infinities have no place.
        if (bitcast<u32>(value) & 0x7f800000u) == 0x7f800000u {
            continue;
        }
        let distance = opaque(vec4<f32>(value - center), params.zero).x;
        let t = distance * factor;
        let place = clamp((1.0 + t / (1.0 + abs(t))) * half, 0.0, f32(params.bins) - 1.0);
        bins[min(u32(place), params.bins - 1u) * params.x_stride + col] += 1.0;
    }
}
