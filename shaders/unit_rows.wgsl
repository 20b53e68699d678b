// out[i] = x[indices[i]] / |x[indices[i]]|: the directions of chosen rows. A row of zeros stays one.
//
// Rows are scaled by a power of two near their largest element before squaring, as in token_norms.
// `tiled` shares a row among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::keep::keep;
import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;
import package::common::rows_u32::row_max_u32;
import package::common::total::total4;

struct Params {
    count: u32,
    rows: u32,
    cols: u32,
    stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

// The reciprocal of the power of two just below the largest magnitude, within 2^-100 to 2^100.
fn scale_of(largest: u32) -> f32 {
    return bitcast<f32>((254u << 23u) - clamp(largest & 0x7f800000u, 27u << 23u, 227u << 23u));
}

fn largest_of(value: vec4<f32>) -> u32 {
    let bits = bitcast<vec4<u32>>(value) & vec4<u32>(0x7fffffffu);
    return max(max(bits.x, bits.y), max(bits.z, bits.w));
}

// What a scaled row is multiplied by; 0 where all of it is 0.
fn reciprocal_norm(squares: f32) -> f32 {
    return select(1.0 / sqrt(squares), 0.0, squares == 0.0);
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    let chosen = min(indices[min(row, params.count - 1u)], params.rows - 1u);
    let width4 = params.stride / 4u;
    let base = chosen * width4;
    let quads = (params.cols + 3u) / 4u;
    var own = 0u;
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        own = max(own, largest_of(keep(x[base + quad], params.cols - 4u * quad)));
    }
    let scale = scale_of(row_max_u32(local, own));
    var squares = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        let value = keep(x[base + quad], params.cols - 4u * quad) * scale;
        squares += value * value;
    }
    let factor = reciprocal_norm(row_sum(local, total4(squares)));
    if row < params.count {
        for (var quad = local % LANES; quad < quads; quad += LANES) {
            let value = keep(x[base + quad], params.cols - 4u * quad);
            out[row * width4 + quad] = value * scale * factor;
        }
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.count {
        return;
    }
    let width4 = params.stride / 4u;
    let base = min(indices[row], params.rows - 1u) * width4;
    let quads = (params.cols + 3u) / 4u;
    var largest = 0u;
    for (var quad = 0u; quad < quads; quad++) {
        largest = max(largest, largest_of(keep(x[base + quad], params.cols - 4u * quad)));
    }
    let scale = scale_of(largest);
    var total = vec4<f32>(0.0);
    // Blocks of 64 elements keep the rounding of a long sum small.
    for (var block = 0u; block < quads; block += 16u) {
        var squares = vec4<f32>(0.0);
        for (var quad = block; quad < min(block + 16u, quads); quad++) {
            let value = keep(x[base + quad], params.cols - 4u * quad) * scale;
            squares += value * value;
        }
        total += squares;
    }
    let factor = reciprocal_norm(total4(total));
    for (var quad = 0u; quad < quads; quad++) {
        let value = keep(x[base + quad], params.cols - 4u * quad);
        out[row * width4 + quad] = value * scale * factor;
    }
}
