// out = activation(scale * a . b^T + bias) + residual
//
// a [m, k] f32, b [n, k] in any storage type (the layout of a PyTorch Linear weight), bias [n],
// residual and out [m, n]. Rows are padded to multiples of 16 bytes, so every access is one vec4.
//
// `tiled_128` and `tiled_64` share tiles in workgroup memory: 128 x 128 with 8 x 8 values per invocation,
// TILE_ROWS x 64 with 8 x 4. `direct` keeps 8 x 8 in registers, `direct_128` 16 x 16 (whole groups of four of
// the inner dimension only); neither has a barrier, for adapters where barriers are dear. Where the inner
// dimension is cut in pieces, each writes its bare sums, piece by piece, for `sum_pieces` to join.

import package::common::block::Block;
import package::common::block::add;
import package::common::block::block;
import package::common::epilogue::finish;
import package::common::tile::Rows;
import package::common::tile::place;
import package::common::weights::Eight;
import package::common::weights::keep;
import package::common::weights::keep8;
import package::common::weights::weights4;
import package::common::weights::weights8;

override DTYPE: u32 = 0u;
// Rows of a tile of `tiled_64`: 64 or 32.
override TILE_ROWS: u32 = 64u;

struct Params {
    m: u32,
    n: u32,
    k: u32,
    // First element of the inner dimension, a multiple of 8.
    k_begin: u32,
    // Strides in units of 16 bytes.
    a_stride: u32,
    b_stride: u32,
    out_stride: u32,
    residual_stride: u32,
    // First row of the result in `out` and in `residual`.
    out_row: u32,
    residual_row: u32,
    // First column of the result in `out`, `bias` and `residual`, in units of four.
    out_col: u32,
    scale: f32,
    // Elements of the inner dimension in a piece, a multiple of 32.
    piece: u32,
    // Tile of the result that this call begins with.
    first_x: u32,
    first_y: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

// Writes four values of the result; `piece` counts pieces of the inner dimension.
fn store(piece: u32, row: u32, col4: u32, sum: vec4<f32>) {
    if row < params.m && col4 * 4u < params.n {
        finish(piece * params.m + row, row, col4, sum);
    }
}

// Products of one group of four of a row of `a` with four rows of `b`.
fn dots(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, b0), dot(x, b1), dot(x, b2), dot(x, b3));
}

// Loops over rows are written out: compilers that bound loops do not unroll them, and sums in
// arrays then live in memory instead of registers.
@compute @workgroup_size(8, 8)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = params.row_begin + id.y * 8u;
    let col = params.col_begin + id.x * 8u;
    if row >= params.m || col >= params.n {
        return;
    }
    let begin = id.z * params.piece;
    let count = min(params.piece, params.k - begin);
    let first = (params.k_begin + begin) / 4u;
    let last_row = params.m - 1u;
    let last_col = params.n - 1u;
    let a0_row = min(row + 0u, last_row) * params.a_stride + first;
    let a1_row = min(row + 1u, last_row) * params.a_stride + first;
    let a2_row = min(row + 2u, last_row) * params.a_stride + first;
    let a3_row = min(row + 3u, last_row) * params.a_stride + first;
    let a4_row = min(row + 4u, last_row) * params.a_stride + first;
    let a5_row = min(row + 5u, last_row) * params.a_stride + first;
    let a6_row = min(row + 6u, last_row) * params.a_stride + first;
    let a7_row = min(row + 7u, last_row) * params.a_stride + first; let b0_row = min(col + 0u, last_col) * params.b_stride;
    let b1_row = min(col + 1u, last_col) * params.b_stride; let b2_row = min(col + 2u, last_col) * params.b_stride;
    let b3_row = min(col + 3u, last_col) * params.b_stride; let b4_row = min(col + 4u, last_col) * params.b_stride;
    let b5_row = min(col + 5u, last_col) * params.b_stride; let b6_row = min(col + 6u, last_col) * params.b_stride;
    let b7_row = min(col + 7u, last_col) * params.b_stride;
    var low0 = vec4<f32>(0.0); var high0 = vec4<f32>(0.0);
    var low1 = vec4<f32>(0.0); var high1 = vec4<f32>(0.0);
    var low2 = vec4<f32>(0.0); var high2 = vec4<f32>(0.0);
    var low3 = vec4<f32>(0.0); var high3 = vec4<f32>(0.0);
    var low4 = vec4<f32>(0.0); var high4 = vec4<f32>(0.0);
    var low5 = vec4<f32>(0.0); var high5 = vec4<f32>(0.0);
    var low6 = vec4<f32>(0.0); var high6 = vec4<f32>(0.0);
    var low7 = vec4<f32>(0.0); var high7 = vec4<f32>(0.0);
    let whole = count / 4u;
    for (var k = 0u; k < whole; k++) {
        let b0 = weights4(DTYPE, b0_row, first + k); let b1 = weights4(DTYPE, b1_row, first + k);
        let b2 = weights4(DTYPE, b2_row, first + k); let b3 = weights4(DTYPE, b3_row, first + k);
        let b4 = weights4(DTYPE, b4_row, first + k); let b5 = weights4(DTYPE, b5_row, first + k);
        let b6 = weights4(DTYPE, b6_row, first + k); let b7 = weights4(DTYPE, b7_row, first + k);
        let a0 = a[a0_row + k];
        low0 += dots(a0, b0, b1, b2, b3); high0 += dots(a0, b4, b5, b6, b7);
        let a1 = a[a1_row + k];
        low1 += dots(a1, b0, b1, b2, b3); high1 += dots(a1, b4, b5, b6, b7);
        let a2 = a[a2_row + k];
        low2 += dots(a2, b0, b1, b2, b3); high2 += dots(a2, b4, b5, b6, b7);
        let a3 = a[a3_row + k];
        low3 += dots(a3, b0, b1, b2, b3); high3 += dots(a3, b4, b5, b6, b7);
        let a4 = a[a4_row + k];
        low4 += dots(a4, b0, b1, b2, b3); high4 += dots(a4, b4, b5, b6, b7);
        let a5 = a[a5_row + k];
        low5 += dots(a5, b0, b1, b2, b3); high5 += dots(a5, b4, b5, b6, b7);
        let a6 = a[a6_row + k];
        low6 += dots(a6, b0, b1, b2, b3); high6 += dots(a6, b4, b5, b6, b7);
        let a7 = a[a7_row + k];
        low7 += dots(a7, b0, b1, b2, b3); high7 += dots(a7, b4, b5, b6, b7);
    }
    let rest = count % 4u;
    if rest != 0u {
        let b0 = keep(weights4(DTYPE, b0_row, first + whole), rest);
        let b1 = keep(weights4(DTYPE, b1_row, first + whole), rest);
        let b2 = keep(weights4(DTYPE, b2_row, first + whole), rest);
        let b3 = keep(weights4(DTYPE, b3_row, first + whole), rest);
        let b4 = keep(weights4(DTYPE, b4_row, first + whole), rest);
        let b5 = keep(weights4(DTYPE, b5_row, first + whole), rest);
        let b6 = keep(weights4(DTYPE, b6_row, first + whole), rest);
        let b7 = keep(weights4(DTYPE, b7_row, first + whole), rest);
        let a0 = keep(a[a0_row + whole], rest);
        low0 += dots(a0, b0, b1, b2, b3); high0 += dots(a0, b4, b5, b6, b7);
        let a1 = keep(a[a1_row + whole], rest);
        low1 += dots(a1, b0, b1, b2, b3); high1 += dots(a1, b4, b5, b6, b7);
        let a2 = keep(a[a2_row + whole], rest);
        low2 += dots(a2, b0, b1, b2, b3); high2 += dots(a2, b4, b5, b6, b7);
        let a3 = keep(a[a3_row + whole], rest);
        low3 += dots(a3, b0, b1, b2, b3); high3 += dots(a3, b4, b5, b6, b7);
        let a4 = keep(a[a4_row + whole], rest);
        low4 += dots(a4, b0, b1, b2, b3); high4 += dots(a4, b4, b5, b6, b7);
        let a5 = keep(a[a5_row + whole], rest);
        low5 += dots(a5, b0, b1, b2, b3); high5 += dots(a5, b4, b5, b6, b7);
        let a6 = keep(a[a6_row + whole], rest);
        low6 += dots(a6, b0, b1, b2, b3); high6 += dots(a6, b4, b5, b6, b7);
        let a7 = keep(a[a7_row + whole], rest);
        low7 += dots(a7, b0, b1, b2, b3); high7 += dots(a7, b4, b5, b6, b7);
    }
    let col4 = col / 4u;
    store(id.z, row + 0u, col4, low0); store(id.z, row + 0u, col4 + 1u, high0);
    store(id.z, row + 1u, col4, low1); store(id.z, row + 1u, col4 + 1u, high1);
    store(id.z, row + 2u, col4, low2); store(id.z, row + 2u, col4 + 1u, high2);
    store(id.z, row + 3u, col4, low3); store(id.z, row + 3u, col4 + 1u, high3);
    store(id.z, row + 4u, col4, low4); store(id.z, row + 4u, col4 + 1u, high4);
    store(id.z, row + 5u, col4, low5); store(id.z, row + 5u, col4 + 1u, high5);
    store(id.z, row + 6u, col4, low6); store(id.z, row + 6u, col4 + 1u, high6);
    store(id.z, row + 7u, col4, low7); store(id.z, row + 7u, col4 + 1u, high7);
}

// Sixteen columns of a row of the result.
fn store16(piece: u32, row: u32, col4: u32, s0: vec4<f32>, s1: vec4<f32>, s2: vec4<f32>, s3: vec4<f32>) {
    store(piece, row, col4, s0);
    store(piece, row, col4 + 1u, s1);
    store(piece, row, col4 + 2u, s2);
    store(piece, row, col4 + 3u, s3);
}

// As `direct`, with half as many reads for a product. Structures of sums would say the same in a third of
// the lines, but SwiftShader takes minutes to compile them.
@compute @workgroup_size(8, 8)
fn direct_128(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = params.row_begin + id.y * 16u;
    let col = params.col_begin + id.x * 16u;
    if row >= params.m || col >= params.n {
        return;
    }
    let begin = id.z * params.piece;
    let first = (params.k_begin + begin) / 4u;
    let end = first + min(params.piece, params.k - begin) / 4u;
    let last_row = params.m - 1u;
    let last_col = params.n - 1u;
    let a0_row = min(row + 0u, last_row) * params.a_stride; let a1_row = min(row + 1u, last_row) * params.a_stride;
    let a2_row = min(row + 2u, last_row) * params.a_stride; let a3_row = min(row + 3u, last_row) * params.a_stride;
    let a4_row = min(row + 4u, last_row) * params.a_stride; let a5_row = min(row + 5u, last_row) * params.a_stride;
    let a6_row = min(row + 6u, last_row) * params.a_stride; let a7_row = min(row + 7u, last_row) * params.a_stride;
    let a8_row = min(row + 8u, last_row) * params.a_stride; let a9_row = min(row + 9u, last_row) * params.a_stride;
    let a10_row = min(row + 10u, last_row) * params.a_stride; let a11_row = min(row + 11u, last_row) * params.a_stride;
    let a12_row = min(row + 12u, last_row) * params.a_stride; let a13_row = min(row + 13u, last_row) * params.a_stride;
    let a14_row = min(row + 14u, last_row) * params.a_stride; let a15_row = min(row + 15u, last_row) * params.a_stride;
    let b0_row = min(col + 0u, last_col) * params.b_stride; let b1_row = min(col + 1u, last_col) * params.b_stride;
    let b2_row = min(col + 2u, last_col) * params.b_stride; let b3_row = min(col + 3u, last_col) * params.b_stride;
    let b4_row = min(col + 4u, last_col) * params.b_stride; let b5_row = min(col + 5u, last_col) * params.b_stride;
    let b6_row = min(col + 6u, last_col) * params.b_stride; let b7_row = min(col + 7u, last_col) * params.b_stride;
    let b8_row = min(col + 8u, last_col) * params.b_stride; let b9_row = min(col + 9u, last_col) * params.b_stride;
    let b10_row = min(col + 10u, last_col) * params.b_stride; let b11_row = min(col + 11u, last_col) * params.b_stride;
    let b12_row = min(col + 12u, last_col) * params.b_stride; let b13_row = min(col + 13u, last_col) * params.b_stride;
    let b14_row = min(col + 14u, last_col) * params.b_stride; let b15_row = min(col + 15u, last_col) * params.b_stride;
    var s0_0 = vec4<f32>(); var s0_1 = vec4<f32>(); var s0_2 = vec4<f32>(); var s0_3 = vec4<f32>();
    var s1_0 = vec4<f32>(); var s1_1 = vec4<f32>(); var s1_2 = vec4<f32>(); var s1_3 = vec4<f32>();
    var s2_0 = vec4<f32>(); var s2_1 = vec4<f32>(); var s2_2 = vec4<f32>(); var s2_3 = vec4<f32>();
    var s3_0 = vec4<f32>(); var s3_1 = vec4<f32>(); var s3_2 = vec4<f32>(); var s3_3 = vec4<f32>();
    var s4_0 = vec4<f32>(); var s4_1 = vec4<f32>(); var s4_2 = vec4<f32>(); var s4_3 = vec4<f32>();
    var s5_0 = vec4<f32>(); var s5_1 = vec4<f32>(); var s5_2 = vec4<f32>(); var s5_3 = vec4<f32>();
    var s6_0 = vec4<f32>(); var s6_1 = vec4<f32>(); var s6_2 = vec4<f32>(); var s6_3 = vec4<f32>();
    var s7_0 = vec4<f32>(); var s7_1 = vec4<f32>(); var s7_2 = vec4<f32>(); var s7_3 = vec4<f32>();
    var s8_0 = vec4<f32>(); var s8_1 = vec4<f32>(); var s8_2 = vec4<f32>(); var s8_3 = vec4<f32>();
    var s9_0 = vec4<f32>(); var s9_1 = vec4<f32>(); var s9_2 = vec4<f32>(); var s9_3 = vec4<f32>();
    var s10_0 = vec4<f32>(); var s10_1 = vec4<f32>(); var s10_2 = vec4<f32>(); var s10_3 = vec4<f32>();
    var s11_0 = vec4<f32>(); var s11_1 = vec4<f32>(); var s11_2 = vec4<f32>(); var s11_3 = vec4<f32>();
    var s12_0 = vec4<f32>(); var s12_1 = vec4<f32>(); var s12_2 = vec4<f32>(); var s12_3 = vec4<f32>();
    var s13_0 = vec4<f32>(); var s13_1 = vec4<f32>(); var s13_2 = vec4<f32>(); var s13_3 = vec4<f32>();
    var s14_0 = vec4<f32>(); var s14_1 = vec4<f32>(); var s14_2 = vec4<f32>(); var s14_3 = vec4<f32>();
    var s15_0 = vec4<f32>(); var s15_1 = vec4<f32>(); var s15_2 = vec4<f32>(); var s15_3 = vec4<f32>();
    for (var k = first; k < end; k++) {
        let b0 = weights4(DTYPE, b0_row, k); let b1 = weights4(DTYPE, b1_row, k);
        let b2 = weights4(DTYPE, b2_row, k); let b3 = weights4(DTYPE, b3_row, k);
        let b4 = weights4(DTYPE, b4_row, k); let b5 = weights4(DTYPE, b5_row, k);
        let b6 = weights4(DTYPE, b6_row, k); let b7 = weights4(DTYPE, b7_row, k);
        let b8 = weights4(DTYPE, b8_row, k); let b9 = weights4(DTYPE, b9_row, k);
        let b10 = weights4(DTYPE, b10_row, k); let b11 = weights4(DTYPE, b11_row, k);
        let b12 = weights4(DTYPE, b12_row, k); let b13 = weights4(DTYPE, b13_row, k);
        let b14 = weights4(DTYPE, b14_row, k); let b15 = weights4(DTYPE, b15_row, k);
        let a0 = a[a0_row + k];
        s0_0 += dots(a0, b0, b1, b2, b3); s0_1 += dots(a0, b4, b5, b6, b7);
        s0_2 += dots(a0, b8, b9, b10, b11); s0_3 += dots(a0, b12, b13, b14, b15);
        let a1 = a[a1_row + k];
        s1_0 += dots(a1, b0, b1, b2, b3); s1_1 += dots(a1, b4, b5, b6, b7);
        s1_2 += dots(a1, b8, b9, b10, b11); s1_3 += dots(a1, b12, b13, b14, b15);
        let a2 = a[a2_row + k];
        s2_0 += dots(a2, b0, b1, b2, b3); s2_1 += dots(a2, b4, b5, b6, b7);
        s2_2 += dots(a2, b8, b9, b10, b11); s2_3 += dots(a2, b12, b13, b14, b15);
        let a3 = a[a3_row + k];
        s3_0 += dots(a3, b0, b1, b2, b3); s3_1 += dots(a3, b4, b5, b6, b7);
        s3_2 += dots(a3, b8, b9, b10, b11); s3_3 += dots(a3, b12, b13, b14, b15);
        let a4 = a[a4_row + k];
        s4_0 += dots(a4, b0, b1, b2, b3); s4_1 += dots(a4, b4, b5, b6, b7);
        s4_2 += dots(a4, b8, b9, b10, b11); s4_3 += dots(a4, b12, b13, b14, b15);
        let a5 = a[a5_row + k];
        s5_0 += dots(a5, b0, b1, b2, b3); s5_1 += dots(a5, b4, b5, b6, b7);
        s5_2 += dots(a5, b8, b9, b10, b11); s5_3 += dots(a5, b12, b13, b14, b15);
        let a6 = a[a6_row + k];
        s6_0 += dots(a6, b0, b1, b2, b3); s6_1 += dots(a6, b4, b5, b6, b7);
        s6_2 += dots(a6, b8, b9, b10, b11); s6_3 += dots(a6, b12, b13, b14, b15);
        let a7 = a[a7_row + k];
        s7_0 += dots(a7, b0, b1, b2, b3); s7_1 += dots(a7, b4, b5, b6, b7);
        s7_2 += dots(a7, b8, b9, b10, b11); s7_3 += dots(a7, b12, b13, b14, b15);
        let a8 = a[a8_row + k];
        s8_0 += dots(a8, b0, b1, b2, b3); s8_1 += dots(a8, b4, b5, b6, b7);
        s8_2 += dots(a8, b8, b9, b10, b11); s8_3 += dots(a8, b12, b13, b14, b15);
        let a9 = a[a9_row + k];
        s9_0 += dots(a9, b0, b1, b2, b3); s9_1 += dots(a9, b4, b5, b6, b7);
        s9_2 += dots(a9, b8, b9, b10, b11); s9_3 += dots(a9, b12, b13, b14, b15);
        let a10 = a[a10_row + k];
        s10_0 += dots(a10, b0, b1, b2, b3); s10_1 += dots(a10, b4, b5, b6, b7);
        s10_2 += dots(a10, b8, b9, b10, b11); s10_3 += dots(a10, b12, b13, b14, b15);
        let a11 = a[a11_row + k];
        s11_0 += dots(a11, b0, b1, b2, b3); s11_1 += dots(a11, b4, b5, b6, b7);
        s11_2 += dots(a11, b8, b9, b10, b11); s11_3 += dots(a11, b12, b13, b14, b15);
        let a12 = a[a12_row + k];
        s12_0 += dots(a12, b0, b1, b2, b3); s12_1 += dots(a12, b4, b5, b6, b7);
        s12_2 += dots(a12, b8, b9, b10, b11); s12_3 += dots(a12, b12, b13, b14, b15);
        let a13 = a[a13_row + k];
        s13_0 += dots(a13, b0, b1, b2, b3); s13_1 += dots(a13, b4, b5, b6, b7);
        s13_2 += dots(a13, b8, b9, b10, b11); s13_3 += dots(a13, b12, b13, b14, b15);
        let a14 = a[a14_row + k];
        s14_0 += dots(a14, b0, b1, b2, b3); s14_1 += dots(a14, b4, b5, b6, b7);
        s14_2 += dots(a14, b8, b9, b10, b11); s14_3 += dots(a14, b12, b13, b14, b15);
        let a15 = a[a15_row + k];
        s15_0 += dots(a15, b0, b1, b2, b3); s15_1 += dots(a15, b4, b5, b6, b7);
        s15_2 += dots(a15, b8, b9, b10, b11); s15_3 += dots(a15, b12, b13, b14, b15);
    }
    let col4 = col / 4u;
    store16(id.z, row + 0u, col4, s0_0, s0_1, s0_2, s0_3);
    store16(id.z, row + 1u, col4, s1_0, s1_1, s1_2, s1_3);
    store16(id.z, row + 2u, col4, s2_0, s2_1, s2_2, s2_3);
    store16(id.z, row + 3u, col4, s3_0, s3_1, s3_2, s3_3);
    store16(id.z, row + 4u, col4, s4_0, s4_1, s4_2, s4_3);
    store16(id.z, row + 5u, col4, s5_0, s5_1, s5_2, s5_3);
    store16(id.z, row + 6u, col4, s6_0, s6_1, s6_2, s6_3);
    store16(id.z, row + 7u, col4, s7_0, s7_1, s7_2, s7_3);
    store16(id.z, row + 8u, col4, s8_0, s8_1, s8_2, s8_3);
    store16(id.z, row + 9u, col4, s9_0, s9_1, s9_2, s9_3);
    store16(id.z, row + 10u, col4, s10_0, s10_1, s10_2, s10_3);
    store16(id.z, row + 11u, col4, s11_0, s11_1, s11_2, s11_3);
    store16(id.z, row + 12u, col4, s12_0, s12_1, s12_2, s12_3);
    store16(id.z, row + 13u, col4, s13_0, s13_1, s13_2, s13_3);
    store16(id.z, row + 14u, col4, s14_0, s14_1, s14_2, s14_3);
    store16(id.z, row + 15u, col4, s15_0, s15_1, s15_2, s15_3);
}

// Tiles are 32 elements deep: eight groups of four ("quads") per row, each at its `place`. All eight are
// written out: a loop over them keeps drivers from reading the next quad while they multiply (a third of
// the speed on an H100).
const DEPTH: u32 = 32u;
// Half as large as `tiled_128` needs them where only `tiled_64` runs.
override LINES: u32 = 64u;
var<workgroup> a_tile: array<vec4<f32>, LINES * 8u>;
var<workgroup> b_tile: array<vec4<f32>, LINES * 8u>;

// Column of the tile that stands in row `row` of `b_tile`: an invocation reads every 16th row, and writes
// four neighbouring columns.
fn column_of(row: u32) -> u32 {
    return (row / 64u) * 64u + (row % 16u) * 4u + (row / 16u) % 4u;
}

// Where a row begins, in units of 16 bytes; the last row stands for those beyond.
fn a_row(row: u32) -> u32 {
    return min(row, params.m - 1u) * params.a_stride;
}

fn b_row(row: u32) -> u32 {
    return min(row, params.n - 1u) * params.b_stride;
}

// Eight elements of the inner dimension from `k` on, of the row of `a` that begins at `row`. Beyond `end`
// come elements of no meaning, which `keep_a` drops: a load that depends on a condition would keep
// drivers from moving it.
fn load_a(row: u32, k: u32, end: u32) -> Eight {
    let last = (params.k_begin + end - 1u) / 4u;
    let quad = (params.k_begin + k) / 4u;
    return Eight(a[row + min(quad, last)], a[row + min(quad + 1u, last)]);
}

fn load_b(row: u32, k: u32, end: u32) -> Eight {
    return weights8(DTYPE, row, params.k_begin + k, params.k_begin + end - 1u);
}

// Puts eight elements, of which `valid` count, into a tile.
fn keep_a(line: u32, eighth: u32, value: Eight, valid: u32) {
    let kept = keep8(value, valid);
    a_tile[place(line, 2u * eighth)] = kept.low;
    a_tile[place(line, 2u * eighth + 1u)] = kept.high;
}

fn keep_b(line: u32, eighth: u32, value: Eight, valid: u32) {
    let kept = keep8(value, valid);
    b_tile[place(line, 2u * eighth)] = kept.low;
    b_tile[place(line, 2u * eighth + 1u)] = kept.high;
}

// A quad of four columns of the tile, from row `row` of `b_tile` on, every 16th row.
fn columns(row: u32, quad: u32) -> Block {
    let base = place(row, quad);
    return block(b_tile[base], b_tile[base + 128u], b_tile[base + 256u], b_tile[base + 384u]);
}

// Adds the products of a quad of eight rows of the tile, from `base` on, with a block.
fn add_quad(sums: Rows, base: u32, quad: u32, b4: Block) -> Rows {
    return Rows(
        add(sums.r0, a_tile[base + quad], b4),
        add(sums.r1, a_tile[base + 8u + (quad ^ 1u)], b4),
        add(sums.r2, a_tile[base + 16u + (quad ^ 2u)], b4),
        add(sums.r3, a_tile[base + 24u + (quad ^ 3u)], b4),
        add(sums.r4, a_tile[base + 32u + (quad ^ 4u)], b4),
        add(sums.r5, a_tile[base + 40u + (quad ^ 5u)], b4),
        add(sums.r6, a_tile[base + 48u + (quad ^ 6u)], b4),
        add(sums.r7, a_tile[base + 56u + (quad ^ 7u)], b4),
    );
}

fn store_rows(piece: u32, row: u32, col4: u32, sums: Rows) {
    store(piece, row, col4, sums.r0);
    store(piece, row + 1u, col4, sums.r1);
    store(piece, row + 2u, col4, sums.r2);
    store(piece, row + 3u, col4, sums.r3);
    store(piece, row + 4u, col4, sums.r4);
    store(piece, row + 5u, col4, sums.r5);
    store(piece, row + 6u, col4, sums.r6);
    store(piece, row + 7u, col4, sums.r7);
}

@compute @workgroup_size(TILE_ROWS * 2u)
fn tiled_64(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let tile_row = params.row_begin + group.y * TILE_ROWS;
    let tile_col = params.col_begin + group.x * 64u;
    let begin = group.z * params.piece;
    let end = min(params.k, begin + params.piece);
    // What this invocation brings: a quarter of two rows of `a`, and of two or four columns.
    let lines = TILE_ROWS / 2u;
    let line = local / 4u;
    let eighth = local % 4u;
    // What it computes: rows 8 y to 8 y + 7, columns 4 x to 4 x + 3.
    let x = local % 16u;
    let y = local / 16u;
    let a0_row = a_row(tile_row + line);
    let a1_row = a_row(tile_row + line + lines);
    let b0_row = b_row(tile_col + column_of(line));
    let b1_row = b_row(tile_col + column_of(line + lines));
    let b2_row = b_row(tile_col + column_of(line + 32u));
    let b3_row = b_row(tile_col + column_of(line + 48u));
    var sums = Rows();
    var k = begin + 8u * eighth;
    var a0 = load_a(a0_row, k, end);
    var a1 = load_a(a1_row, k, end);
    var b0 = load_b(b0_row, k, end);
    var b1 = load_b(b1_row, k, end);
    var b2 = Eight();
    var b3 = Eight();
    if TILE_ROWS == 32u {
        b2 = load_b(b2_row, k, end);
        b3 = load_b(b3_row, k, end);
    }
    for (var tile = begin; tile < end; tile += DEPTH) {
        let valid = max(end, k) - k;
        keep_a(line, eighth, a0, valid);
        keep_a(line + lines, eighth, a1, valid);
        keep_b(line, eighth, b0, valid);
        keep_b(line + lines, eighth, b1, valid);
        if TILE_ROWS == 32u {
            keep_b(line + 32u, eighth, b2, valid);
            keep_b(line + 48u, eighth, b3, valid);
        }
        workgroupBarrier();
        // The next tile is on its way while this one is used.
        k += DEPTH;
        a0 = load_a(a0_row, k, end);
        a1 = load_a(a1_row, k, end);
        b0 = load_b(b0_row, k, end);
        b1 = load_b(b1_row, k, end);
        if TILE_ROWS == 32u {
            b2 = load_b(b2_row, k, end);
            b3 = load_b(b3_row, k, end);
        }
        let base = y * 64u;
        sums = add_quad(sums, base, 0u, columns(x, 0u));
        sums = add_quad(sums, base, 1u, columns(x, 1u));
        sums = add_quad(sums, base, 2u, columns(x, 2u));
        sums = add_quad(sums, base, 3u, columns(x, 3u));
        sums = add_quad(sums, base, 4u, columns(x, 4u));
        sums = add_quad(sums, base, 5u, columns(x, 5u));
        sums = add_quad(sums, base, 6u, columns(x, 6u));
        sums = add_quad(sums, base, 7u, columns(x, 7u));
        workgroupBarrier();
    }
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x, sums);
}

@compute @workgroup_size(256)
fn tiled_128(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let tile_row = params.row_begin + group.y * 128u;
    let tile_col = params.col_begin + group.x * 128u;
    let begin = group.z * params.piece;
    let end = min(params.k, begin + params.piece);
    // What this invocation brings: a quarter of two rows and of two columns.
    let line = local / 4u;
    let eighth = local % 4u;
    // What it computes: rows 8 y to 8 y + 7, columns 4 x to 4 x + 3 and 64 further.
    let x = local % 16u;
    let y = local / 16u;
    var low = Rows();
    var high = Rows();
    let a0_row = a_row(tile_row + line);
    let a1_row = a_row(tile_row + line + 64u);
    let b0_row = b_row(tile_col + column_of(line));
    let b1_row = b_row(tile_col + column_of(line + 64u));
    var k = begin + 8u * eighth;
    var a0 = load_a(a0_row, k, end);
    var a1 = load_a(a1_row, k, end);
    var b0 = load_b(b0_row, k, end);
    var b1 = load_b(b1_row, k, end);
    for (var tile = begin; tile < end; tile += DEPTH) {
        let valid = max(end, k) - k;
        keep_a(line, eighth, a0, valid);
        keep_a(line + 64u, eighth, a1, valid);
        keep_b(line, eighth, b0, valid);
        keep_b(line + 64u, eighth, b1, valid);
        workgroupBarrier();
        // The next tile is on its way while this one is used.
        k += DEPTH;
        a0 = load_a(a0_row, k, end);
        a1 = load_a(a1_row, k, end);
        b0 = load_b(b0_row, k, end);
        b1 = load_b(b1_row, k, end);
        let base = y * 64u;
        low = add_quad(low, base, 0u, columns(x, 0u));
        high = add_quad(high, base, 0u, columns(x + 64u, 0u));
        low = add_quad(low, base, 1u, columns(x, 1u));
        high = add_quad(high, base, 1u, columns(x + 64u, 1u));
        low = add_quad(low, base, 2u, columns(x, 2u));
        high = add_quad(high, base, 2u, columns(x + 64u, 2u));
        low = add_quad(low, base, 3u, columns(x, 3u));
        high = add_quad(high, base, 3u, columns(x + 64u, 3u));
        low = add_quad(low, base, 4u, columns(x, 4u));
        high = add_quad(high, base, 4u, columns(x + 64u, 4u));
        low = add_quad(low, base, 5u, columns(x, 5u));
        high = add_quad(high, base, 5u, columns(x + 64u, 5u));
        low = add_quad(low, base, 6u, columns(x, 6u));
        high = add_quad(high, base, 6u, columns(x + 64u, 6u));
        low = add_quad(low, base, 7u, columns(x, 7u));
        high = add_quad(high, base, 7u, columns(x + 64u, 7u));
        workgroupBarrier();
    }
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x, low);
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x + 16u, high);
}
