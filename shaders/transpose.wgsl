// out[c, r] = x[row_begin + r, c]. A block of 4x4 elements per invocation, in registers.

struct Params {
    // Rows to take, and columns.
    rows: u32,
    cols: u32,
    row_begin: u32,
    // Strides in units of four elements.
    x_stride: u32,
    out_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 4u;
    let col = id.x * 4u;
    if row >= params.rows || col >= params.cols {
        return;
    }
    var block = mat4x4<f32>();
    for (var i = 0u; i < 4u; i++) {
        // Beyond the last row the last one again: it lands in the padding.
        let source = params.row_begin + min(row + i, params.rows - 1u);
        block[i] = x[source * params.x_stride + id.x];
    }
    let turned = transpose(block);
    for (var i = 0u; i < min(4u, params.cols - col); i++) {
        out[(col + i) * params.out_stride + id.y] = turned[i];
    }
}
