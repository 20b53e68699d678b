// out[row] = sum over the columns of a[row] * b[row]. The result is a column, one value per row of
// four. `tiled` gives a row to a workgroup, `direct` to an invocation.

import package::common::reduce::workgroup_sum;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    out_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * 32768u + group.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var sum = 0.0;
    for (var col = local; col < params.cols; col += 64u) {
        sum += a[base + col] * b[base + col];
    }
    let total = workgroup_sum(local, sum);
    if local == 0u {
        out[params.out_row + row] = vec4<f32>(total, 0.0, 0.0, 0.0);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var total = 0.0;
    // Blocks of 32 keep the rounding of a long sum small.
    for (var block = 0u; block < params.cols; block += 32u) {
        var sum = 0.0;
        for (var col = block; col < min(block + 32u, params.cols); col++) {
            sum += a[base + col] * b[base + col];
        }
        total += sum;
    }
    out[params.out_row + row] = vec4<f32>(total, 0.0, 0.0, 0.0);
}
