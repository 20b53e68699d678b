// out = x / sqrt(squares[square_row]), with 0 where the sum of squares is 0. Four elements per
// invocation; `squares` is a column, one value per row of four.

struct Params {
    // Groups of four in all.
    count4: u32,
    square_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> squares: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.count4 {
        return;
    }
    let squares_sum = squares[params.square_row].x;
    var scale = 0.0;
    if squares_sum > 0.0 {
        scale = inverseSqrt(squares_sum);
    }
    out[index] = x[index] * scale;
}
