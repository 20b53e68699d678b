// out[row] = sum over the columns of a[row] * b[row]. The result is a column, one value per row of
// four. Four elements at a time: rows are padded to multiples of 16 bytes.
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
    out_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    let base = min(row, params.rows - 1u) * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var sum = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < quads; quad += LANES) {
        // Both: a product of 0 and NaN is no 0.
        let valid = params.cols - 4u * quad;
        sum += keep(a[base + quad], valid) * keep(b[base + quad], valid);
    }
    let total = row_sum(local, total4(sum));
    if local % LANES == 0u && row < params.rows {
        out[params.out_row + row] = vec4<f32>(total, 0.0, 0.0, 0.0);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * (params.stride / 4u);
    let whole = params.cols / 4u;
    let rest = params.cols % 4u;
    var total = vec4<f32>(0.0);
    // Blocks of 64 elements keep the rounding of a long sum small.
    for (var block = 0u; block < whole; block += 16u) {
        var sum = vec4<f32>(0.0);
        for (var quad = block; quad < min(block + 16u, whole); quad++) {
            sum += a[base + quad] * b[base + quad];
        }
        total += sum;
    }
    if rest > 0u {
        total += keep(a[base + whole], rest) * keep(b[base + whole], rest);
    }
    out[params.out_row + row] = vec4<f32>(total4(total), 0.0, 0.0, 0.0);
}
