// out[out_row + i] = source[indices[i] - first], for those indices that lie within the source; four
// elements per invocation. Serves token embeddings (in any storage type, whole or split by rows)
// and the selection of captured tokens.

import package::common::dtype::unpack_16;

override DTYPE: u32 = 0u;

struct Params {
    count: u32,
    // Index of the source's first row, and its number of rows.
    first: u32,
    rows: u32,
    // Groups of four in a row of `out` and of the source, whose rows may be padded to more.
    width4: u32,
    source_width4: u32,
    out_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> indices: array<u32>;
@group(0) @binding(2) var<storage, read> source: array<vec2<u32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.count * params.width4 {
        return;
    }
    let i = index / params.width4;
    let col = index % params.width4;
    let row = indices[i] - params.first;
    // An index below `first` wraps around and is out of range as well.
    if row >= params.rows {
        return;
    }
    let source_index = row * params.source_width4 + col;
    let target_index = (params.out_row + i) * params.width4 + col;
    if DTYPE == 0u {
        out[target_index] = bitcast<vec4<f32>>(vec4<u32>(source[2u * source_index], source[2u * source_index + 1u]));
    } else {
        out[target_index] = unpack_16(DTYPE, source[source_index]);
    }
}
