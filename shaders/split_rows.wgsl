// Splits rows into two parts for a Gram matrix that is exact beyond f32, and transposes them:
//   high = x rounded to a multiple of its column's grid, low = x - high (exactly),
//   mixed = high + low / 2,  so that  x^T x = high^T high + M + M^T  with  M = mixed^T low.
// The grid is a power of two so coarse that the sum of squares of a whole column of high counts
// fewer than 2^24 grid units: by Cauchy-Schwarz every partial sum of high^T high then is an integer
// below 2^24, exact in f32 in any order of summation. M is smaller by the grid's coarseness, and so
// is its rounding. A block of 4x4 elements per invocation, in registers.

import package::common::turned::turned;

struct Params {
    // Rows to take, and columns.
    rows: u32,
    cols: u32,
    row_begin: u32,
    // Strides in units of four elements.
    x_stride: u32,
    out_stride: u32,
    // Row of the sums of squares.
    square_row: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
// Sum of squares of each column over all its rows.
@group(0) @binding(2) var<storage, read> squares: array<f32>;
@group(0) @binding(3) var<storage, read_write> high: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> mixed: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> low: array<vec4<f32>>;

// Biased exponent of the grid for a column with this sum of squares: half the exponent of the sum,
// rounded up with half a bit to spare, less 12 bits.
fn grid_exponent(sum: f32) -> u32 {
    let exponent = i32(bitcast<u32>(sum) >> 23u) - 127;
    return u32(clamp(((exponent + 3) >> 1u) - 12 + 127, 27, 227));
}

// Splits four elements of a column. All that a compiler may reorder here is exact: it gives the same bits.
fn split(col: u32, row4: u32, value: vec4<f32>) {
    if col >= params.cols {
        return;
    }
    let exponent = grid_exponent(squares[params.square_row * params.x_stride * 4u + col]);
    let grid = bitcast<f32>(exponent << 23u);
    let units = bitcast<f32>((254u - exponent) << 23u);
    let upper = round(value * units) * grid;
    let lower = value - upper;
    let index = col * params.out_stride + row4;
    high[index] = upper;
    mixed[index] = upper + 0.5 * lower;
    low[index] = lower;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.y * 4u;
    let col = id.x * 4u;
    if row >= params.rows || col >= params.cols {
        return;
    }
    let columns = turned(row, id.x);
    split(col, id.y, columns.x);
    split(col + 1u, id.y, columns.y);
    split(col + 2u, id.y, columns.z);
    split(col + 3u, id.y, columns.w);
}
