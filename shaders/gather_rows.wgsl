// out[out_row + i] = b[indices[i] - first], for those indices that lie within b; eight elements per
// invocation. Serves token embeddings (in any storage type, whole or split by rows) and the selection of
// captured tokens.

import package::common::blocks::stored8;

override DTYPE: u32 = 0u;

struct Params {
    count: u32,
    // Index of the first row of `b`, and its number of rows.
    first: u32,
    rows: u32,
    cols: u32,
    // Groups of four in a row of `out`, and groups of 16 bytes in one of `b`.
    width4: u32,
    b_stride: u32,
    out_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let width8 = (params.width4 + 1u) / 2u;
    if index >= params.count * width8 {
        return;
    }
    let i = index / width8;
    let col8 = index % width8;
    let row = indices[i] - params.first;
    // An index below `first` wraps around and is out of range as well.
    if row >= params.rows {
        return;
    }
    let eight = stored8(DTYPE, row * params.b_stride, col8 * 8u, params.cols);
    let target_index = (params.out_row + i) * params.width4 + col8 * 2u;
    out[target_index] = eight.low;
    if col8 * 2u + 1u < params.width4 {
        out[target_index + 1u] = eight.high;
    }
}
