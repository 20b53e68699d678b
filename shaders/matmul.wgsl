// out = activation(scale * a . b^T + bias) + residual, or, GATED, where the rows of `b` are those of two matrices,
// activation(scale * a . gate^T + bias) * (scale * a . up^T + bias) + residual, half as wide.
//
// a [m, k] f32, b [n, k] in any storage type (the layout of a PyTorch Linear weight), bias [n],
// residual and out [m, n]. Rows are padded to multiples of 16 bytes, so every access is one vec4.
//
// `tiled_128` and `tiled_64` share tiles in workgroup memory: 128 x 128 with 8 x 8 values per invocation,
// TILE_ROWS x 64 with 8 x 4. `direct` keeps 8 x 8 in registers, `direct_128` 16 x 16 (whole groups of four of
// the inner dimension only), `direct_wide` 32 x 32 where reads are dear as well (the same); none has a barrier, for
// adapters where barriers are dear. Where the inner dimension is cut in pieces, each writes its bare sums, piece by
// piece, for `sum_pieces` to join.

import package::common::block::block;
import package::common::dots::dots;
import package::common::epilogue::GATED;
import package::common::keep::keep;
import package::common::lines::a_row;
import package::common::lines::b_row;
import package::common::lines::lines;
import package::common::lines::tile_line;
import package::common::pick::of_four;
import package::common::store_rows::store_gated_rows;
import package::common::store_rows::store_rows;
import package::common::stored::Eight;
import package::common::tile::Rows;
import package::common::triangle::GROUP_ROWS;
import package::common::triangle::SYMMETRIC;
import package::common::triangle::block_of;
import package::common::triangle::mirror;
import package::common::triangle::store;
import package::common::triangle::store_gated;
import package::common::triangle::tile_of;
import package::common::weights::weights4;
import package::common::wide::direct_wide;
import package::common::workgroup_tiles::DEPTH;
import package::common::workgroup_tiles::DTYPE;
import package::common::workgroup_tiles::TILE_ROWS;
import package::common::workgroup_tiles::add_quad;
import package::common::workgroup_tiles::column_of;
import package::common::workgroup_tiles::columns;
import package::common::workgroup_tiles::keep_a;
import package::common::workgroup_tiles::keep_b;
import package::common::workgroup_tiles::load_a;
import package::common::workgroup_tiles::load_b;
import package::common::workgroup_tiles::share;
import package::common::workgroup_tiles::shared_rows;

struct Params {
    m: u32,
    // Columns of the result.
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
    up_bias: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> out: array<vec4<f32>>;

// Loops over rows are written out: compilers that bound loops do not unroll them, and sums in
// arrays then live in memory instead of registers.
@compute @workgroup_size(8, 8)
fn direct(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let tile = tile_of(id, 64u, 64u);
    let row = tile.x + local.y * 8u;
    let col = tile.y + local.x * 8u;
    if row >= params.m || col >= lines() {
        return;
    }
    // The first of four columns, and of four more: those of the gate, and of what it is to multiply.
    let low = select(col, col / 2u, GATED);
    let high = select(col + 4u, params.n + col / 2u, GATED);
    let begin = id.z * params.piece;
    let first = (params.k_begin + begin) / 4u;
    let count = min(params.piece, params.k - begin);
    let end = first + count / 4u;
    let a0_row = a_row(row + 0u); let a1_row = a_row(row + 1u);
    let a2_row = a_row(row + 2u); let a3_row = a_row(row + 3u);
    let a4_row = a_row(row + 4u); let a5_row = a_row(row + 5u);
    let a6_row = a_row(row + 6u); let a7_row = a_row(row + 7u);
    let b0_row = b_row(low + 0u); let b1_row = b_row(low + 1u);
    let b2_row = b_row(low + 2u); let b3_row = b_row(low + 3u);
    let b4_row = b_row(high + 0u); let b5_row = b_row(high + 1u);
    let b6_row = b_row(high + 2u); let b7_row = b_row(high + 3u);
    var s0a = vec4<f32>(); var s0b = vec4<f32>(); var s1a = vec4<f32>(); var s1b = vec4<f32>();
    var s2a = vec4<f32>(); var s2b = vec4<f32>(); var s3a = vec4<f32>(); var s3b = vec4<f32>();
    var s4a = vec4<f32>(); var s4b = vec4<f32>(); var s5a = vec4<f32>(); var s5b = vec4<f32>();
    var s6a = vec4<f32>(); var s6b = vec4<f32>(); var s7a = vec4<f32>(); var s7b = vec4<f32>();
    for (var k = first; k < end; k++) {
        let b0 = weights4(DTYPE, b0_row, k); let b1 = weights4(DTYPE, b1_row, k);
        let b2 = weights4(DTYPE, b2_row, k); let b3 = weights4(DTYPE, b3_row, k);
        let b4 = weights4(DTYPE, b4_row, k); let b5 = weights4(DTYPE, b5_row, k);
        let b6 = weights4(DTYPE, b6_row, k); let b7 = weights4(DTYPE, b7_row, k);
        let a0 = a[a0_row + k]; s0a += dots(a0, b0, b1, b2, b3); s0b += dots(a0, b4, b5, b6, b7);
        let a1 = a[a1_row + k]; s1a += dots(a1, b0, b1, b2, b3); s1b += dots(a1, b4, b5, b6, b7);
        let a2 = a[a2_row + k]; s2a += dots(a2, b0, b1, b2, b3); s2b += dots(a2, b4, b5, b6, b7);
        let a3 = a[a3_row + k]; s3a += dots(a3, b0, b1, b2, b3); s3b += dots(a3, b4, b5, b6, b7);
        let a4 = a[a4_row + k]; s4a += dots(a4, b0, b1, b2, b3); s4b += dots(a4, b4, b5, b6, b7);
        let a5 = a[a5_row + k]; s5a += dots(a5, b0, b1, b2, b3); s5b += dots(a5, b4, b5, b6, b7);
        let a6 = a[a6_row + k]; s6a += dots(a6, b0, b1, b2, b3); s6b += dots(a6, b4, b5, b6, b7);
        let a7 = a[a7_row + k]; s7a += dots(a7, b0, b1, b2, b3); s7b += dots(a7, b4, b5, b6, b7);
    }
    let rest = count % 4u;
    if rest != 0u {
        let b0 = keep(weights4(DTYPE, b0_row, end), rest); let b1 = keep(weights4(DTYPE, b1_row, end), rest);
        let b2 = keep(weights4(DTYPE, b2_row, end), rest); let b3 = keep(weights4(DTYPE, b3_row, end), rest);
        let b4 = keep(weights4(DTYPE, b4_row, end), rest); let b5 = keep(weights4(DTYPE, b5_row, end), rest);
        let b6 = keep(weights4(DTYPE, b6_row, end), rest); let b7 = keep(weights4(DTYPE, b7_row, end), rest);
        let a0 = keep(a[a0_row + end], rest); s0a += dots(a0, b0, b1, b2, b3); s0b += dots(a0, b4, b5, b6, b7);
        let a1 = keep(a[a1_row + end], rest); s1a += dots(a1, b0, b1, b2, b3); s1b += dots(a1, b4, b5, b6, b7);
        let a2 = keep(a[a2_row + end], rest); s2a += dots(a2, b0, b1, b2, b3); s2b += dots(a2, b4, b5, b6, b7);
        let a3 = keep(a[a3_row + end], rest); s3a += dots(a3, b0, b1, b2, b3); s3b += dots(a3, b4, b5, b6, b7);
        let a4 = keep(a[a4_row + end], rest); s4a += dots(a4, b0, b1, b2, b3); s4b += dots(a4, b4, b5, b6, b7);
        let a5 = keep(a[a5_row + end], rest); s5a += dots(a5, b0, b1, b2, b3); s5b += dots(a5, b4, b5, b6, b7);
        let a6 = keep(a[a6_row + end], rest); s6a += dots(a6, b0, b1, b2, b3); s6b += dots(a6, b4, b5, b6, b7);
        let a7 = keep(a[a7_row + end], rest); s7a += dots(a7, b0, b1, b2, b3); s7b += dots(a7, b4, b5, b6, b7);
    }
    // In loops: what is written out 16 times takes long to compile.
    var sums = array<vec4<f32>, 16>(
        s0a, s0b, s1a, s1b, s2a, s2b, s3a, s3b, s4a, s4b, s5a, s5b, s6a, s6b, s7a, s7b,
    );
    if GATED {
        for (var i = 0u; i < 8u; i++) {
            store_gated(row + i, low / 4u, sums[2u * i], sums[2u * i + 1u]);
        }
        return;
    }
    for (var i = 0u; i < 16u; i++) {
        store(id.z, row + i / 2u, col / 4u + i % 2u, sums[i]);
    }
    for (var i = 0u; i < 4u && SYMMETRIC && tile.x != tile.y; i++) {
        let at = i / 2u * 8u + i % 2u;
        let turned = block(sums[at], sums[at + 2u], sums[at + 4u], sums[at + 6u]);
        mirror(id.z, row / 4u + i / 2u, col / 4u + i % 2u, turned);
    }
}

// As `direct`, with half as many reads for a product. Sums in structures or matrices would take fewer lines,
// but SwiftShader compiles the one for minutes, and llvmpipe the other for three times as long.
@compute @workgroup_size(8, GROUP_ROWS)
fn direct_128(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let corner = block_of(id, local, 16u);
    let row = corner.x; let col = corner.y;
    if row >= params.m || col >= lines() {
        return;
    }
    let low = select(col, col / 2u, GATED);
    let high = select(col + 8u, params.n + col / 2u, GATED);
    let begin = id.z * params.piece;
    let first = (params.k_begin + begin) / 4u;
    let end = first + min(params.piece, params.k - begin) / 4u;
    let a0_row = a_row(row + 0u); let a1_row = a_row(row + 1u);
    let a2_row = a_row(row + 2u); let a3_row = a_row(row + 3u);
    let a4_row = a_row(row + 4u); let a5_row = a_row(row + 5u);
    let a6_row = a_row(row + 6u); let a7_row = a_row(row + 7u);
    let a8_row = a_row(row + 8u); let a9_row = a_row(row + 9u);
    let a10_row = a_row(row + 10u); let a11_row = a_row(row + 11u);
    let a12_row = a_row(row + 12u); let a13_row = a_row(row + 13u);
    let a14_row = a_row(row + 14u); let a15_row = a_row(row + 15u);
    let b0_row = b_row(low + 0u); let b1_row = b_row(low + 1u);
    let b2_row = b_row(low + 2u); let b3_row = b_row(low + 3u);
    let b4_row = b_row(low + 4u); let b5_row = b_row(low + 5u);
    let b6_row = b_row(low + 6u); let b7_row = b_row(low + 7u);
    let b8_row = b_row(high + 0u); let b9_row = b_row(high + 1u);
    let b10_row = b_row(high + 2u); let b11_row = b_row(high + 3u);
    let b12_row = b_row(high + 4u); let b13_row = b_row(high + 5u);
    let b14_row = b_row(high + 6u); let b15_row = b_row(high + 7u);
    var s0a = vec4<f32>(); var s0b = vec4<f32>(); var s0c = vec4<f32>(); var s0d = vec4<f32>();
    var s1a = vec4<f32>(); var s1b = vec4<f32>(); var s1c = vec4<f32>(); var s1d = vec4<f32>();
    var s2a = vec4<f32>(); var s2b = vec4<f32>(); var s2c = vec4<f32>(); var s2d = vec4<f32>();
    var s3a = vec4<f32>(); var s3b = vec4<f32>(); var s3c = vec4<f32>(); var s3d = vec4<f32>();
    var s4a = vec4<f32>(); var s4b = vec4<f32>(); var s4c = vec4<f32>(); var s4d = vec4<f32>();
    var s5a = vec4<f32>(); var s5b = vec4<f32>(); var s5c = vec4<f32>(); var s5d = vec4<f32>();
    var s6a = vec4<f32>(); var s6b = vec4<f32>(); var s6c = vec4<f32>(); var s6d = vec4<f32>();
    var s7a = vec4<f32>(); var s7b = vec4<f32>(); var s7c = vec4<f32>(); var s7d = vec4<f32>();
    var s8a = vec4<f32>(); var s8b = vec4<f32>(); var s8c = vec4<f32>(); var s8d = vec4<f32>();
    var s9a = vec4<f32>(); var s9b = vec4<f32>(); var s9c = vec4<f32>(); var s9d = vec4<f32>();
    var s10a = vec4<f32>(); var s10b = vec4<f32>(); var s10c = vec4<f32>(); var s10d = vec4<f32>();
    var s11a = vec4<f32>(); var s11b = vec4<f32>(); var s11c = vec4<f32>(); var s11d = vec4<f32>();
    var s12a = vec4<f32>(); var s12b = vec4<f32>(); var s12c = vec4<f32>(); var s12d = vec4<f32>();
    var s13a = vec4<f32>(); var s13b = vec4<f32>(); var s13c = vec4<f32>(); var s13d = vec4<f32>();
    var s14a = vec4<f32>(); var s14b = vec4<f32>(); var s14c = vec4<f32>(); var s14d = vec4<f32>();
    var s15a = vec4<f32>(); var s15b = vec4<f32>(); var s15c = vec4<f32>(); var s15d = vec4<f32>();
    for (var k = first; k < end; k++) {
        let b0 = weights4(DTYPE, b0_row, k); let b1 = weights4(DTYPE, b1_row, k);
        let b2 = weights4(DTYPE, b2_row, k); let b3 = weights4(DTYPE, b3_row, k);
        let b4 = weights4(DTYPE, b4_row, k); let b5 = weights4(DTYPE, b5_row, k);
        let b6 = weights4(DTYPE, b6_row, k); let b7 = weights4(DTYPE, b7_row, k);
        let b8 = weights4(DTYPE, b8_row, k); let b9 = weights4(DTYPE, b9_row, k);
        let b10 = weights4(DTYPE, b10_row, k); let b11 = weights4(DTYPE, b11_row, k);
        let b12 = weights4(DTYPE, b12_row, k); let b13 = weights4(DTYPE, b13_row, k);
        let b14 = weights4(DTYPE, b14_row, k); let b15 = weights4(DTYPE, b15_row, k);
        let a0 = a[a0_row + k]; s0a += dots(a0, b0, b1, b2, b3); s0b += dots(a0, b4, b5, b6, b7);
        s0c += dots(a0, b8, b9, b10, b11); s0d += dots(a0, b12, b13, b14, b15);
        let a1 = a[a1_row + k]; s1a += dots(a1, b0, b1, b2, b3); s1b += dots(a1, b4, b5, b6, b7);
        s1c += dots(a1, b8, b9, b10, b11); s1d += dots(a1, b12, b13, b14, b15);
        let a2 = a[a2_row + k]; s2a += dots(a2, b0, b1, b2, b3); s2b += dots(a2, b4, b5, b6, b7);
        s2c += dots(a2, b8, b9, b10, b11); s2d += dots(a2, b12, b13, b14, b15);
        let a3 = a[a3_row + k]; s3a += dots(a3, b0, b1, b2, b3); s3b += dots(a3, b4, b5, b6, b7);
        s3c += dots(a3, b8, b9, b10, b11); s3d += dots(a3, b12, b13, b14, b15);
        let a4 = a[a4_row + k]; s4a += dots(a4, b0, b1, b2, b3); s4b += dots(a4, b4, b5, b6, b7);
        s4c += dots(a4, b8, b9, b10, b11); s4d += dots(a4, b12, b13, b14, b15);
        let a5 = a[a5_row + k]; s5a += dots(a5, b0, b1, b2, b3); s5b += dots(a5, b4, b5, b6, b7);
        s5c += dots(a5, b8, b9, b10, b11); s5d += dots(a5, b12, b13, b14, b15);
        let a6 = a[a6_row + k]; s6a += dots(a6, b0, b1, b2, b3); s6b += dots(a6, b4, b5, b6, b7);
        s6c += dots(a6, b8, b9, b10, b11); s6d += dots(a6, b12, b13, b14, b15);
        let a7 = a[a7_row + k]; s7a += dots(a7, b0, b1, b2, b3); s7b += dots(a7, b4, b5, b6, b7);
        s7c += dots(a7, b8, b9, b10, b11); s7d += dots(a7, b12, b13, b14, b15);
        let a8 = a[a8_row + k]; s8a += dots(a8, b0, b1, b2, b3); s8b += dots(a8, b4, b5, b6, b7);
        s8c += dots(a8, b8, b9, b10, b11); s8d += dots(a8, b12, b13, b14, b15);
        let a9 = a[a9_row + k]; s9a += dots(a9, b0, b1, b2, b3); s9b += dots(a9, b4, b5, b6, b7);
        s9c += dots(a9, b8, b9, b10, b11); s9d += dots(a9, b12, b13, b14, b15);
        let a10 = a[a10_row + k]; s10a += dots(a10, b0, b1, b2, b3); s10b += dots(a10, b4, b5, b6, b7);
        s10c += dots(a10, b8, b9, b10, b11); s10d += dots(a10, b12, b13, b14, b15);
        let a11 = a[a11_row + k]; s11a += dots(a11, b0, b1, b2, b3); s11b += dots(a11, b4, b5, b6, b7);
        s11c += dots(a11, b8, b9, b10, b11); s11d += dots(a11, b12, b13, b14, b15);
        let a12 = a[a12_row + k]; s12a += dots(a12, b0, b1, b2, b3); s12b += dots(a12, b4, b5, b6, b7);
        s12c += dots(a12, b8, b9, b10, b11); s12d += dots(a12, b12, b13, b14, b15);
        let a13 = a[a13_row + k]; s13a += dots(a13, b0, b1, b2, b3); s13b += dots(a13, b4, b5, b6, b7);
        s13c += dots(a13, b8, b9, b10, b11); s13d += dots(a13, b12, b13, b14, b15);
        let a14 = a[a14_row + k]; s14a += dots(a14, b0, b1, b2, b3); s14b += dots(a14, b4, b5, b6, b7);
        s14c += dots(a14, b8, b9, b10, b11); s14d += dots(a14, b12, b13, b14, b15);
        let a15 = a[a15_row + k]; s15a += dots(a15, b0, b1, b2, b3); s15b += dots(a15, b4, b5, b6, b7);
        s15c += dots(a15, b8, b9, b10, b11); s15d += dots(a15, b12, b13, b14, b15);
    }
    // Four rows at a time, in loops: what is written out 64 times takes long to compile.
    for (var i = 0u; i < 4u; i++) {
        var sums = array<vec4<f32>, 16>(
            of_four(i, s0a, s4a, s8a, s12a), of_four(i, s0b, s4b, s8b, s12b),
            of_four(i, s0c, s4c, s8c, s12c), of_four(i, s0d, s4d, s8d, s12d),
            of_four(i, s1a, s5a, s9a, s13a), of_four(i, s1b, s5b, s9b, s13b),
            of_four(i, s1c, s5c, s9c, s13c), of_four(i, s1d, s5d, s9d, s13d),
            of_four(i, s2a, s6a, s10a, s14a), of_four(i, s2b, s6b, s10b, s14b),
            of_four(i, s2c, s6c, s10c, s14c), of_four(i, s2d, s6d, s10d, s14d),
            of_four(i, s3a, s7a, s11a, s15a), of_four(i, s3b, s7b, s11b, s15b),
            of_four(i, s3c, s7c, s11c, s15c), of_four(i, s3d, s7d, s11d, s15d),
        );
        let first_row = row + 4u * i;
        if GATED {
            for (var j = 0u; j < 8u; j++) {
                let at = j / 2u * 4u + j % 2u;
                store_gated(first_row + j / 2u, low / 4u + j % 2u, sums[at], sums[at + 2u]);
            }
            continue;
        }
        for (var j = 0u; j < 16u; j++) {
            store(id.z, first_row + j / 4u, col / 4u + j % 4u, sums[j]);
        }
        for (var j = 0u; j < 4u && SYMMETRIC && row != col; j++) {
            mirror(id.z, first_row / 4u, col / 4u + j, block(sums[j], sums[j + 4u], sums[j + 8u], sums[j + 12u]));
        }
    }
}

@compute @workgroup_size(TILE_ROWS * 2u)
fn tiled_64(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let corner = tile_of(group, TILE_ROWS, 64u);
    let tile_row = corner.x; let tile_col = corner.y;
    let begin = group.z * params.piece;
    let end = min(params.k, begin + params.piece);
    // What this invocation brings: a quarter of two rows of `a`, and of two or four columns.
    let apart = TILE_ROWS / 2u;
    let line = local / 4u;
    let eighth = local % 4u;
    // What it computes: rows 8 y to 8 y + 7, columns 4 x to 4 x + 3.
    let x = local % 16u;
    let y = local / 16u;
    let a0_row = a_row(tile_row + line);
    let a1_row = a_row(tile_row + line + apart);
    let b0_row = tile_line(tile_col, column_of(line), 32u);
    let b1_row = tile_line(tile_col, column_of(line + apart), 32u);
    let b2_row = tile_line(tile_col, column_of(line + 32u), 32u);
    let b3_row = tile_line(tile_col, column_of(line + 48u), 32u);
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
        keep_a(line + apart, eighth, a1, valid);
        keep_b(line, eighth, b0, valid);
        keep_b(line + apart, eighth, b1, valid);
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
    if GATED {
        // The second half of the columns belongs to what the first half multiplies: through the tile of `a`,
        // whose last readers are done.
        let at = 64u * y + x % 8u;
        if x >= 8u {
            share(at, sums);
        }
        workgroupBarrier();
        if x < 8u {
            store_gated_rows(tile_row + 8u * y, tile_col / 8u + x, sums, shared_rows(at));
        }
        return;
    }
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x, sums, tile_row != tile_col);
}

@compute @workgroup_size(256)
fn tiled_128(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let corner = tile_of(group, 128u, 128u);
    let tile_row = corner.x; let tile_col = corner.y;
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
    let b0_row = tile_line(tile_col, column_of(line), 64u);
    let b1_row = tile_line(tile_col, column_of(line + 64u), 64u);
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
    if GATED {
        store_gated_rows(tile_row + 8u * y, tile_col / 8u + x, low, high);
        return;
    }
    let mirrors = tile_row != tile_col;
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x, low, mirrors);
    store_rows(group.z, tile_row + 8u * y, tile_col / 4u + x + 16u, high, mirrors);
}
