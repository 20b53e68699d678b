// x = factors[param_row] * x + shifts[param_row], column by column, in place: an affine map of each
// dimension by itself, over all rows, or over those at `indices`. Four elements per invocation.

override HAS_INDICES: bool = false;

struct Params {
    // Rows that are mapped.
    rows: u32,
    // Groups of four in a row.
    width4: u32,
    param_row: u32,
    // Rows of x.
    x_rows: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> factors: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> shifts: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> indices: array<u32>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    if index >= params.rows * params.width4 {
        return;
    }
    let col = index % params.width4;
    var row = index / params.width4;
    if HAS_INDICES {
        row = indices[row];
        if row >= params.x_rows {
            return;
        }
    }
    let param = params.param_row * params.width4 + col;
    let place = row * params.width4 + col;
    x[place] = factors[param] * x[place] + shifts[param];
}
