// How a product ends: out = activation(scale * sum + bias) + residual, or, of a gated one, whose sums come in
// pairs, out = activation(scale * gate + bias) * (scale * up + bias) + residual.
//
// Who imports it binds `bias`, `residual` and `out` as arrays of vec4<f32>, and has in `params` the `scale`, the
// strides and first rows of `out` and `residual`, their first column, in units of four elements, and `up_bias`:
// from one row of the bias to the next, in the same units.

import package::common::activation::activate4;

override ACTIVATION: u32 = 0u;
override HAS_BIAS: bool = false;
override HAS_RESIDUAL: bool = false;
// Adds to what stands in `out` instead of replacing it.
override ACCUMULATE: bool = false;
// The rows of `b` are those of two matrices, one below the other.
override GATED: bool = false;

// Adds the residual to four values of row `row` of the result and writes them to row `place` below the first
// one of `out`.
fn put(place: u32, row: u32, col4: u32, activated: vec4<f32>) {
    var value = activated;
    if HAS_RESIDUAL {
        value += residual[(params.residual_row + row) * params.residual_stride + params.out_col + col4];
    }
    let index = (params.out_row + place) * params.out_stride + params.out_col + col4;
    if ACCUMULATE {
        value += out[index];
    }
    out[index] = value;
}

fn finish(place: u32, row: u32, col4: u32, sum: vec4<f32>) {
    var value = sum * params.scale;
    if HAS_BIAS {
        value += bias[params.out_col + col4];
    }
    put(place, row, col4, activate4(ACTIVATION, value));
}

fn finish_gated(place: u32, row: u32, col4: u32, gate: vec4<f32>, up: vec4<f32>) {
    var gates = gate * params.scale;
    var ups = up * params.scale;
    if HAS_BIAS {
        gates += bias[params.out_col + col4];
        ups += bias[params.up_bias + params.out_col + col4];
    }
    put(place, row, col4, activate4(ACTIVATION, gates) * ups);
}
