// out[out_row + b] = factor * sum over the rows of block b of (x[row] - shift[shift_row]), or of its
// square, column by column. Called again on its own result until one row is left, it sums in a tree,
// which keeps the rounding small. Four columns per invocation.

import package::common::opaque::opaque;

override HAS_SHIFT: bool = false;
override SQUARE: bool = false;

struct Params {
    rows: u32,
    // Groups of four in a row.
    width4: u32,
    // Rows per block, and number of blocks.
    block: u32,
    blocks: u32,
    out_row: u32,
    shift_row: u32,
    factor: f32,
    zero: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> shift: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.blocks * params.width4 {
        return;
    }
    let block = index / params.width4;
    let col4 = index % params.width4;
    var center = vec4<f32>(0.0);
    if HAS_SHIFT {
        center = shift[params.shift_row * params.width4 + col4];
    }
    var sum = vec4<f32>(0.0);
    let end = min((block + 1u) * params.block, params.rows);
    for (var row = block * params.block; row < end; row++) {
        var value = x[row * params.width4 + col4];
        if HAS_SHIFT {
            value = opaque(value - center, params.zero);
        }
        if SQUARE {
            sum += value * value;
        } else {
            sum += value;
        }
    }
    out[(params.out_row + block) * params.width4 + col4] = sum * params.factor;
}
