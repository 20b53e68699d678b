// The product's tile for adapters where a read costs as much as dozens of multiplications: SwiftShader takes a value at
// a time, each behind a branch.
//
// Who imports it is `matmul`.

import package::common::block::Block;
import package::common::epilogue::GATED;
import package::common::lines::a_row;
import package::common::lines::b_row;
import package::common::lines::lines;
import package::common::triangle::SYMMETRIC;
import package::common::triangle::mirror;
import package::common::triangle::store;
import package::common::triangle::store_gated;
import package::common::triangle::tile_of;
import package::common::weights::weights4;

// A group of four elements of four rows of `a`, a column of the matrix each.
fn a_block(row: u32, k: u32) -> mat4x4<f32> {
    return mat4x4<f32>(a[a_row(row) + k], a[a_row(row + 1u) + k], a[a_row(row + 2u) + k], a[a_row(row + 3u) + k]);
}

// The same of four rows of `b`, a row of the matrix each: `b_block * a_block` are the inner products, those with a
// row of `a` in a column.
fn b_block(row: u32, k: u32) -> mat4x4<f32> {
    return transpose(mat4x4<f32>(
        weights4(DTYPE, b_row(row), k), weights4(DTYPE, b_row(row + 1u), k),
        weights4(DTYPE, b_row(row + 2u), k), weights4(DTYPE, b_row(row + 3u), k),
    ));
}

// As `direct`, 32 x 32 values per invocation: half as many reads for a product as `direct_128` has. Four invocations
// are what SwiftShader runs at a time. Arrays or structures of sums are slower there; other drivers compile this for
// minutes.
@compute @workgroup_size(2, 2)
fn direct_wide(@builtin(workgroup_id) id: vec3<u32>, @builtin(local_invocation_id) local: vec3<u32>) {
    let tile = tile_of(id, 64u, 64u);
    let row = tile.x + local.y * 32u;
    let col = tile.y + local.x * 32u;
    if row >= params.m || col >= lines() {
        return;
    }
    // The first of 16 columns, and of 16 more: those of the gate, and of what it is to multiply.
    let low = select(col, col / 2u, GATED);
    let high = select(col + 16u, params.n + col / 2u, GATED);
    let begin = id.z * params.piece;
    let first = (params.k_begin + begin) / 4u;
    let end = first + min(params.piece, params.k - begin) / 4u;
    // Rows 4 i to 4 i + 3 and columns 4 j to 4 j + 3 are sums `s` i j.
    var s00 = mat4x4<f32>(); var s01 = mat4x4<f32>(); var s02 = mat4x4<f32>(); var s03 = mat4x4<f32>();
    var s04 = mat4x4<f32>(); var s05 = mat4x4<f32>(); var s06 = mat4x4<f32>(); var s07 = mat4x4<f32>();
    var s10 = mat4x4<f32>(); var s11 = mat4x4<f32>(); var s12 = mat4x4<f32>(); var s13 = mat4x4<f32>();
    var s14 = mat4x4<f32>(); var s15 = mat4x4<f32>(); var s16 = mat4x4<f32>(); var s17 = mat4x4<f32>();
    var s20 = mat4x4<f32>(); var s21 = mat4x4<f32>(); var s22 = mat4x4<f32>(); var s23 = mat4x4<f32>();
    var s24 = mat4x4<f32>(); var s25 = mat4x4<f32>(); var s26 = mat4x4<f32>(); var s27 = mat4x4<f32>();
    var s30 = mat4x4<f32>(); var s31 = mat4x4<f32>(); var s32 = mat4x4<f32>(); var s33 = mat4x4<f32>();
    var s34 = mat4x4<f32>(); var s35 = mat4x4<f32>(); var s36 = mat4x4<f32>(); var s37 = mat4x4<f32>();
    var s40 = mat4x4<f32>(); var s41 = mat4x4<f32>(); var s42 = mat4x4<f32>(); var s43 = mat4x4<f32>();
    var s44 = mat4x4<f32>(); var s45 = mat4x4<f32>(); var s46 = mat4x4<f32>(); var s47 = mat4x4<f32>();
    var s50 = mat4x4<f32>(); var s51 = mat4x4<f32>(); var s52 = mat4x4<f32>(); var s53 = mat4x4<f32>();
    var s54 = mat4x4<f32>(); var s55 = mat4x4<f32>(); var s56 = mat4x4<f32>(); var s57 = mat4x4<f32>();
    var s60 = mat4x4<f32>(); var s61 = mat4x4<f32>(); var s62 = mat4x4<f32>(); var s63 = mat4x4<f32>();
    var s64 = mat4x4<f32>(); var s65 = mat4x4<f32>(); var s66 = mat4x4<f32>(); var s67 = mat4x4<f32>();
    var s70 = mat4x4<f32>(); var s71 = mat4x4<f32>(); var s72 = mat4x4<f32>(); var s73 = mat4x4<f32>();
    var s74 = mat4x4<f32>(); var s75 = mat4x4<f32>(); var s76 = mat4x4<f32>(); var s77 = mat4x4<f32>();
    for (var k = first; k < end; k++) {
        let b0 = b_block(low + 0u, k); let b1 = b_block(low + 4u, k);
        let b2 = b_block(low + 8u, k); let b3 = b_block(low + 12u, k);
        let b4 = b_block(high + 0u, k); let b5 = b_block(high + 4u, k);
        let b6 = b_block(high + 8u, k); let b7 = b_block(high + 12u, k);
        let a0 = a_block(row + 0u, k); s00 += b0 * a0; s01 += b1 * a0; s02 += b2 * a0; s03 += b3 * a0;
        s04 += b4 * a0; s05 += b5 * a0; s06 += b6 * a0; s07 += b7 * a0;
        let a1 = a_block(row + 4u, k); s10 += b0 * a1; s11 += b1 * a1; s12 += b2 * a1; s13 += b3 * a1;
        s14 += b4 * a1; s15 += b5 * a1; s16 += b6 * a1; s17 += b7 * a1;
        let a2 = a_block(row + 8u, k); s20 += b0 * a2; s21 += b1 * a2; s22 += b2 * a2; s23 += b3 * a2;
        s24 += b4 * a2; s25 += b5 * a2; s26 += b6 * a2; s27 += b7 * a2;
        let a3 = a_block(row + 12u, k); s30 += b0 * a3; s31 += b1 * a3; s32 += b2 * a3; s33 += b3 * a3;
        s34 += b4 * a3; s35 += b5 * a3; s36 += b6 * a3; s37 += b7 * a3;
        let a4 = a_block(row + 16u, k); s40 += b0 * a4; s41 += b1 * a4; s42 += b2 * a4; s43 += b3 * a4;
        s44 += b4 * a4; s45 += b5 * a4; s46 += b6 * a4; s47 += b7 * a4;
        let a5 = a_block(row + 20u, k); s50 += b0 * a5; s51 += b1 * a5; s52 += b2 * a5; s53 += b3 * a5;
        s54 += b4 * a5; s55 += b5 * a5; s56 += b6 * a5; s57 += b7 * a5;
        let a6 = a_block(row + 24u, k); s60 += b0 * a6; s61 += b1 * a6; s62 += b2 * a6; s63 += b3 * a6;
        s64 += b4 * a6; s65 += b5 * a6; s66 += b6 * a6; s67 += b7 * a6;
        let a7 = a_block(row + 28u, k); s70 += b0 * a7; s71 += b1 * a7; s72 += b2 * a7; s73 += b3 * a7;
        s74 += b4 * a7; s75 += b5 * a7; s76 += b6 * a7; s77 += b7 * a7;
    }
    var sums = array<mat4x4<f32>, 64>(
        s00, s01, s02, s03, s04, s05, s06, s07, s10, s11, s12, s13, s14, s15, s16, s17,
        s20, s21, s22, s23, s24, s25, s26, s27, s30, s31, s32, s33, s34, s35, s36, s37,
        s40, s41, s42, s43, s44, s45, s46, s47, s50, s51, s52, s53, s54, s55, s56, s57,
        s60, s61, s62, s63, s64, s65, s66, s67, s70, s71, s72, s73, s74, s75, s76, s77,
    );
    for (var i = 0u; i < 64u; i++) {
        let j = i % 8u;
        let at = row + i / 8u * 4u;
        if GATED {
            let gate = sums[i];
            let up = sums[min(i + 4u, 63u)];
            for (var r = 0u; r < 4u && j < 4u; r++) {
                store_gated(at + r, low / 4u + j, gate[r], up[r]);
            }
        } else {
            let four = sums[i];
            for (var r = 0u; r < 4u; r++) {
                store(id.z, at + r, col / 4u + j, four[r]);
            }
            if SYMMETRIC && tile.x != tile.y {
                let turned = transpose(four);
                mirror(id.z, at / 4u, col / 4u + j, Block(turned[0], turned[1], turned[2], turned[3]));
            }
        }
    }
}
