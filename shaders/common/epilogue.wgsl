// How a product ends: out = activation(scale * sum + bias) + residual.
//
// Who imports it binds `bias`, `residual` and `out` as arrays of vec4<f32>, and has in `params` the `scale`, the
// strides and first rows of `out` and `residual`, and their first column, in units of four elements.

import package::common::activation::activate4;

override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Adds to what stands in `out` instead of replacing it.
override ACCUMULATE: bool = false;

// Writes four values of row `row` of the result, which is row `place` below the first one of `out`.
fn finish(place: u32, row: u32, col4: u32, sum: vec4<f32>) {
    var value = sum * params.scale;
    if HAS_BIAS {
        value += bias[params.out_col + col4];
    }
    value = activate4(ACTIVATION, value);
    if HAS_RESIDUAL {
        value += residual[(params.residual_row + row) * params.residual_stride + params.out_col + col4];
    }
    let index = (params.out_row + place) * params.out_stride + params.out_col + col4;
    if ACCUMULATE {
        value += out[index];
    }
    out[index] = value;
}
