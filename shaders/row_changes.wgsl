// How far the rows of b are from those of a: out[row] = (|a - b| / |a|, cosine of a and b).
//
// Where a row of a is all 0 both are 0; so is the cosine where one of b is. Squares have to fit f32. Four elements at
// a time: rows are padded to multiples of 16 bytes.
//
// `tiled` shares a row among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::keep::keep;
import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;
import package::common::total::total4;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    zero: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

// Sums of squares of a, of b and of a - b, and of products of a and b.
fn change(of_a: f32, of_b: f32, difference: f32, product: f32) -> vec4<f32> {
    let distance = select(0.0, sqrt(difference) / sqrt(max(of_a, 1e-38)), of_a > 0.0);
    let length = sqrt(of_a) * sqrt(of_b);
    let cosine = select(0.0, product / max(length, 1e-38), length > 0.0);
    return vec4<f32>(distance, cosine, 0.0, 0.0);
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    let base = min(row, params.rows - 1u) * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var of_a = vec4<f32>(0.0);
    var of_b = vec4<f32>(0.0);
    var difference = vec4<f32>(0.0);
    var product = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        let valid = params.cols - 4u * quad;
        let x = keep(a[base + quad], valid);
        let y = keep(b[base + quad], valid);
        of_a += x * x;
        of_b += y * y;
        difference += (x - y) * (x - y);
        product += x * y;
    }
    let all_a = row_sum(local, total4(of_a));
    let all_b = row_sum(local, total4(of_b));
    let all_difference = row_sum(local, total4(difference));
    let all_product = row_sum(local, total4(product));
    if local % LANES == 0u && row < params.rows {
        out[row] = change(all_a, all_b, all_difference, all_product);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var of_a = vec4<f32>(0.0);
    var of_b = vec4<f32>(0.0);
    var difference = vec4<f32>(0.0);
    var product = vec4<f32>(0.0);
    // Blocks of 64 elements keep the rounding of a long sum small.
    for (var block = 0u; block < quads; block += 16u) {
        var part_a = vec4<f32>(0.0);
        var part_b = vec4<f32>(0.0);
        var part_difference = vec4<f32>(0.0);
        var part_product = vec4<f32>(0.0);
        for (var quad = block; quad < min(block + 16u, quads); quad++) {
            let valid = params.cols - 4u * quad;
            let x = keep(a[base + quad], valid);
            let y = keep(b[base + quad], valid);
            part_a += x * x;
            part_b += y * y;
            part_difference += (x - y) * (x - y);
            part_product += x * y;
        }
        of_a += part_a;
        of_b += part_b;
        difference += part_difference;
        product += part_product;
    }
    out[row] = change(total4(of_a), total4(of_b), total4(difference), total4(product));
}
