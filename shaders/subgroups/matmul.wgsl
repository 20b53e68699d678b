// The product's tile for llvmpipe on processors without AVX-512, where each read goes through the stack, lane by lane.
// Lanes of a subgroup read eight rows of `a` at once and hand them to each other; a whole tile is one subgroup's.

import package::common::block::block;
import package::common::dots::dots;
import package::common::epilogue::GATED;
import package::common::keep::keep;
import package::common::lines::a_row;
import package::common::lines::b_row;
import package::common::pick::of_sixteen;
import package::common::triangle::SYMMETRIC;
import package::common::triangle::mirror;
import package::common::triangle::store;
import package::common::triangle::store_gated;
import package::common::triangle::tile_of;
import package::common::weights::weights4;

// Whether the inner dimension ends within a group of four.
override RAGGED: bool = false;

// Four elements of a row of `b`, of which so many count.
fn group(row: u32, k: u32, valid: u32) -> vec4<f32> {
    return keep(weights4(DTYPE, row, k), valid);
}

// As `direct`, 64 x 8 values per invocation. The eight invocations of a workgroup are a subgroup; none may return early,
// since the others take rows from it.
@compute @workgroup_size(8)
fn direct_rows(@builtin(workgroup_id) id: vec3<u32>, @builtin(subgroup_invocation_id) lane: u32) {
    let tile = tile_of(id, 64u, 64u);
    let row = tile.x;
    let col = tile.y + lane * 8u;
    let low = select(col, col / 2u, GATED);
    let high = select(col + 4u, params.n + col / 2u, GATED);
    let begin = id.z * params.piece;
    let first = (params.k_begin + begin) / 4u;
    let count = min(params.piece, params.k - begin);
    let end = first + (count + 3u) / 4u;
    // Rows that this lane reads.
    let own0_row = a_row(row + 0u + lane); let own1_row = a_row(row + 8u + lane);
    let own2_row = a_row(row + 16u + lane); let own3_row = a_row(row + 24u + lane);
    let own4_row = a_row(row + 32u + lane); let own5_row = a_row(row + 40u + lane);
    let own6_row = a_row(row + 48u + lane); let own7_row = a_row(row + 56u + lane);
    let b0_row = b_row(low + 0u); let b1_row = b_row(low + 1u);
    let b2_row = b_row(low + 2u); let b3_row = b_row(low + 3u);
    let b4_row = b_row(high + 0u); let b5_row = b_row(high + 1u);
    let b6_row = b_row(high + 2u); let b7_row = b_row(high + 3u);
    var s0a = vec4<f32>(); var s0b = vec4<f32>(); var s1a = vec4<f32>(); var s1b = vec4<f32>();
    var s2a = vec4<f32>(); var s2b = vec4<f32>(); var s3a = vec4<f32>(); var s3b = vec4<f32>();
    var s4a = vec4<f32>(); var s4b = vec4<f32>(); var s5a = vec4<f32>(); var s5b = vec4<f32>();
    var s6a = vec4<f32>(); var s6b = vec4<f32>(); var s7a = vec4<f32>(); var s7b = vec4<f32>();
    var s8a = vec4<f32>(); var s8b = vec4<f32>(); var s9a = vec4<f32>(); var s9b = vec4<f32>();
    var s10a = vec4<f32>(); var s10b = vec4<f32>(); var s11a = vec4<f32>(); var s11b = vec4<f32>();
    var s12a = vec4<f32>(); var s12b = vec4<f32>(); var s13a = vec4<f32>(); var s13b = vec4<f32>();
    var s14a = vec4<f32>(); var s14b = vec4<f32>(); var s15a = vec4<f32>(); var s15b = vec4<f32>();
    var s16a = vec4<f32>(); var s16b = vec4<f32>(); var s17a = vec4<f32>(); var s17b = vec4<f32>();
    var s18a = vec4<f32>(); var s18b = vec4<f32>(); var s19a = vec4<f32>(); var s19b = vec4<f32>();
    var s20a = vec4<f32>(); var s20b = vec4<f32>(); var s21a = vec4<f32>(); var s21b = vec4<f32>();
    var s22a = vec4<f32>(); var s22b = vec4<f32>(); var s23a = vec4<f32>(); var s23b = vec4<f32>();
    var s24a = vec4<f32>(); var s24b = vec4<f32>(); var s25a = vec4<f32>(); var s25b = vec4<f32>();
    var s26a = vec4<f32>(); var s26b = vec4<f32>(); var s27a = vec4<f32>(); var s27b = vec4<f32>();
    var s28a = vec4<f32>(); var s28b = vec4<f32>(); var s29a = vec4<f32>(); var s29b = vec4<f32>();
    var s30a = vec4<f32>(); var s30b = vec4<f32>(); var s31a = vec4<f32>(); var s31b = vec4<f32>();
    var s32a = vec4<f32>(); var s32b = vec4<f32>(); var s33a = vec4<f32>(); var s33b = vec4<f32>();
    var s34a = vec4<f32>(); var s34b = vec4<f32>(); var s35a = vec4<f32>(); var s35b = vec4<f32>();
    var s36a = vec4<f32>(); var s36b = vec4<f32>(); var s37a = vec4<f32>(); var s37b = vec4<f32>();
    var s38a = vec4<f32>(); var s38b = vec4<f32>(); var s39a = vec4<f32>(); var s39b = vec4<f32>();
    var s40a = vec4<f32>(); var s40b = vec4<f32>(); var s41a = vec4<f32>(); var s41b = vec4<f32>();
    var s42a = vec4<f32>(); var s42b = vec4<f32>(); var s43a = vec4<f32>(); var s43b = vec4<f32>();
    var s44a = vec4<f32>(); var s44b = vec4<f32>(); var s45a = vec4<f32>(); var s45b = vec4<f32>();
    var s46a = vec4<f32>(); var s46b = vec4<f32>(); var s47a = vec4<f32>(); var s47b = vec4<f32>();
    var s48a = vec4<f32>(); var s48b = vec4<f32>(); var s49a = vec4<f32>(); var s49b = vec4<f32>();
    var s50a = vec4<f32>(); var s50b = vec4<f32>(); var s51a = vec4<f32>(); var s51b = vec4<f32>();
    var s52a = vec4<f32>(); var s52b = vec4<f32>(); var s53a = vec4<f32>(); var s53b = vec4<f32>();
    var s54a = vec4<f32>(); var s54b = vec4<f32>(); var s55a = vec4<f32>(); var s55b = vec4<f32>();
    var s56a = vec4<f32>(); var s56b = vec4<f32>(); var s57a = vec4<f32>(); var s57b = vec4<f32>();
    var s58a = vec4<f32>(); var s58b = vec4<f32>(); var s59a = vec4<f32>(); var s59b = vec4<f32>();
    var s60a = vec4<f32>(); var s60b = vec4<f32>(); var s61a = vec4<f32>(); var s61b = vec4<f32>();
    var s62a = vec4<f32>(); var s62b = vec4<f32>(); var s63a = vec4<f32>(); var s63b = vec4<f32>();
    for (var k = first; k < end; k++) {
        let valid = select(4u, count - 4u * (k - first), RAGGED);
        let b0 = group(b0_row, k, valid); let b1 = group(b1_row, k, valid);
        let b2 = group(b2_row, k, valid); let b3 = group(b3_row, k, valid);
        let b4 = group(b4_row, k, valid); let b5 = group(b5_row, k, valid);
        let b6 = group(b6_row, k, valid); let b7 = group(b7_row, k, valid);
        let own0 = keep(a[own0_row + k], valid);
        let a0 = subgroupBroadcast(own0, 0u);
        s0a += dots(a0, b0, b1, b2, b3); s0b += dots(a0, b4, b5, b6, b7);
        let a1 = subgroupBroadcast(own0, 1u);
        s1a += dots(a1, b0, b1, b2, b3); s1b += dots(a1, b4, b5, b6, b7);
        let a2 = subgroupBroadcast(own0, 2u);
        s2a += dots(a2, b0, b1, b2, b3); s2b += dots(a2, b4, b5, b6, b7);
        let a3 = subgroupBroadcast(own0, 3u);
        s3a += dots(a3, b0, b1, b2, b3); s3b += dots(a3, b4, b5, b6, b7);
        let a4 = subgroupBroadcast(own0, 4u);
        s4a += dots(a4, b0, b1, b2, b3); s4b += dots(a4, b4, b5, b6, b7);
        let a5 = subgroupBroadcast(own0, 5u);
        s5a += dots(a5, b0, b1, b2, b3); s5b += dots(a5, b4, b5, b6, b7);
        let a6 = subgroupBroadcast(own0, 6u);
        s6a += dots(a6, b0, b1, b2, b3); s6b += dots(a6, b4, b5, b6, b7);
        let a7 = subgroupBroadcast(own0, 7u);
        s7a += dots(a7, b0, b1, b2, b3); s7b += dots(a7, b4, b5, b6, b7);
        let own1 = keep(a[own1_row + k], valid);
        let a8 = subgroupBroadcast(own1, 0u);
        s8a += dots(a8, b0, b1, b2, b3); s8b += dots(a8, b4, b5, b6, b7);
        let a9 = subgroupBroadcast(own1, 1u);
        s9a += dots(a9, b0, b1, b2, b3); s9b += dots(a9, b4, b5, b6, b7);
        let a10 = subgroupBroadcast(own1, 2u);
        s10a += dots(a10, b0, b1, b2, b3); s10b += dots(a10, b4, b5, b6, b7);
        let a11 = subgroupBroadcast(own1, 3u);
        s11a += dots(a11, b0, b1, b2, b3); s11b += dots(a11, b4, b5, b6, b7);
        let a12 = subgroupBroadcast(own1, 4u);
        s12a += dots(a12, b0, b1, b2, b3); s12b += dots(a12, b4, b5, b6, b7);
        let a13 = subgroupBroadcast(own1, 5u);
        s13a += dots(a13, b0, b1, b2, b3); s13b += dots(a13, b4, b5, b6, b7);
        let a14 = subgroupBroadcast(own1, 6u);
        s14a += dots(a14, b0, b1, b2, b3); s14b += dots(a14, b4, b5, b6, b7);
        let a15 = subgroupBroadcast(own1, 7u);
        s15a += dots(a15, b0, b1, b2, b3); s15b += dots(a15, b4, b5, b6, b7);
        let own2 = keep(a[own2_row + k], valid);
        let a16 = subgroupBroadcast(own2, 0u);
        s16a += dots(a16, b0, b1, b2, b3); s16b += dots(a16, b4, b5, b6, b7);
        let a17 = subgroupBroadcast(own2, 1u);
        s17a += dots(a17, b0, b1, b2, b3); s17b += dots(a17, b4, b5, b6, b7);
        let a18 = subgroupBroadcast(own2, 2u);
        s18a += dots(a18, b0, b1, b2, b3); s18b += dots(a18, b4, b5, b6, b7);
        let a19 = subgroupBroadcast(own2, 3u);
        s19a += dots(a19, b0, b1, b2, b3); s19b += dots(a19, b4, b5, b6, b7);
        let a20 = subgroupBroadcast(own2, 4u);
        s20a += dots(a20, b0, b1, b2, b3); s20b += dots(a20, b4, b5, b6, b7);
        let a21 = subgroupBroadcast(own2, 5u);
        s21a += dots(a21, b0, b1, b2, b3); s21b += dots(a21, b4, b5, b6, b7);
        let a22 = subgroupBroadcast(own2, 6u);
        s22a += dots(a22, b0, b1, b2, b3); s22b += dots(a22, b4, b5, b6, b7);
        let a23 = subgroupBroadcast(own2, 7u);
        s23a += dots(a23, b0, b1, b2, b3); s23b += dots(a23, b4, b5, b6, b7);
        let own3 = keep(a[own3_row + k], valid);
        let a24 = subgroupBroadcast(own3, 0u);
        s24a += dots(a24, b0, b1, b2, b3); s24b += dots(a24, b4, b5, b6, b7);
        let a25 = subgroupBroadcast(own3, 1u);
        s25a += dots(a25, b0, b1, b2, b3); s25b += dots(a25, b4, b5, b6, b7);
        let a26 = subgroupBroadcast(own3, 2u);
        s26a += dots(a26, b0, b1, b2, b3); s26b += dots(a26, b4, b5, b6, b7);
        let a27 = subgroupBroadcast(own3, 3u);
        s27a += dots(a27, b0, b1, b2, b3); s27b += dots(a27, b4, b5, b6, b7);
        let a28 = subgroupBroadcast(own3, 4u);
        s28a += dots(a28, b0, b1, b2, b3); s28b += dots(a28, b4, b5, b6, b7);
        let a29 = subgroupBroadcast(own3, 5u);
        s29a += dots(a29, b0, b1, b2, b3); s29b += dots(a29, b4, b5, b6, b7);
        let a30 = subgroupBroadcast(own3, 6u);
        s30a += dots(a30, b0, b1, b2, b3); s30b += dots(a30, b4, b5, b6, b7);
        let a31 = subgroupBroadcast(own3, 7u);
        s31a += dots(a31, b0, b1, b2, b3); s31b += dots(a31, b4, b5, b6, b7);
        let own4 = keep(a[own4_row + k], valid);
        let a32 = subgroupBroadcast(own4, 0u);
        s32a += dots(a32, b0, b1, b2, b3); s32b += dots(a32, b4, b5, b6, b7);
        let a33 = subgroupBroadcast(own4, 1u);
        s33a += dots(a33, b0, b1, b2, b3); s33b += dots(a33, b4, b5, b6, b7);
        let a34 = subgroupBroadcast(own4, 2u);
        s34a += dots(a34, b0, b1, b2, b3); s34b += dots(a34, b4, b5, b6, b7);
        let a35 = subgroupBroadcast(own4, 3u);
        s35a += dots(a35, b0, b1, b2, b3); s35b += dots(a35, b4, b5, b6, b7);
        let a36 = subgroupBroadcast(own4, 4u);
        s36a += dots(a36, b0, b1, b2, b3); s36b += dots(a36, b4, b5, b6, b7);
        let a37 = subgroupBroadcast(own4, 5u);
        s37a += dots(a37, b0, b1, b2, b3); s37b += dots(a37, b4, b5, b6, b7);
        let a38 = subgroupBroadcast(own4, 6u);
        s38a += dots(a38, b0, b1, b2, b3); s38b += dots(a38, b4, b5, b6, b7);
        let a39 = subgroupBroadcast(own4, 7u);
        s39a += dots(a39, b0, b1, b2, b3); s39b += dots(a39, b4, b5, b6, b7);
        let own5 = keep(a[own5_row + k], valid);
        let a40 = subgroupBroadcast(own5, 0u);
        s40a += dots(a40, b0, b1, b2, b3); s40b += dots(a40, b4, b5, b6, b7);
        let a41 = subgroupBroadcast(own5, 1u);
        s41a += dots(a41, b0, b1, b2, b3); s41b += dots(a41, b4, b5, b6, b7);
        let a42 = subgroupBroadcast(own5, 2u);
        s42a += dots(a42, b0, b1, b2, b3); s42b += dots(a42, b4, b5, b6, b7);
        let a43 = subgroupBroadcast(own5, 3u);
        s43a += dots(a43, b0, b1, b2, b3); s43b += dots(a43, b4, b5, b6, b7);
        let a44 = subgroupBroadcast(own5, 4u);
        s44a += dots(a44, b0, b1, b2, b3); s44b += dots(a44, b4, b5, b6, b7);
        let a45 = subgroupBroadcast(own5, 5u);
        s45a += dots(a45, b0, b1, b2, b3); s45b += dots(a45, b4, b5, b6, b7);
        let a46 = subgroupBroadcast(own5, 6u);
        s46a += dots(a46, b0, b1, b2, b3); s46b += dots(a46, b4, b5, b6, b7);
        let a47 = subgroupBroadcast(own5, 7u);
        s47a += dots(a47, b0, b1, b2, b3); s47b += dots(a47, b4, b5, b6, b7);
        let own6 = keep(a[own6_row + k], valid);
        let a48 = subgroupBroadcast(own6, 0u);
        s48a += dots(a48, b0, b1, b2, b3); s48b += dots(a48, b4, b5, b6, b7);
        let a49 = subgroupBroadcast(own6, 1u);
        s49a += dots(a49, b0, b1, b2, b3); s49b += dots(a49, b4, b5, b6, b7);
        let a50 = subgroupBroadcast(own6, 2u);
        s50a += dots(a50, b0, b1, b2, b3); s50b += dots(a50, b4, b5, b6, b7);
        let a51 = subgroupBroadcast(own6, 3u);
        s51a += dots(a51, b0, b1, b2, b3); s51b += dots(a51, b4, b5, b6, b7);
        let a52 = subgroupBroadcast(own6, 4u);
        s52a += dots(a52, b0, b1, b2, b3); s52b += dots(a52, b4, b5, b6, b7);
        let a53 = subgroupBroadcast(own6, 5u);
        s53a += dots(a53, b0, b1, b2, b3); s53b += dots(a53, b4, b5, b6, b7);
        let a54 = subgroupBroadcast(own6, 6u);
        s54a += dots(a54, b0, b1, b2, b3); s54b += dots(a54, b4, b5, b6, b7);
        let a55 = subgroupBroadcast(own6, 7u);
        s55a += dots(a55, b0, b1, b2, b3); s55b += dots(a55, b4, b5, b6, b7);
        let own7 = keep(a[own7_row + k], valid);
        let a56 = subgroupBroadcast(own7, 0u);
        s56a += dots(a56, b0, b1, b2, b3); s56b += dots(a56, b4, b5, b6, b7);
        let a57 = subgroupBroadcast(own7, 1u);
        s57a += dots(a57, b0, b1, b2, b3); s57b += dots(a57, b4, b5, b6, b7);
        let a58 = subgroupBroadcast(own7, 2u);
        s58a += dots(a58, b0, b1, b2, b3); s58b += dots(a58, b4, b5, b6, b7);
        let a59 = subgroupBroadcast(own7, 3u);
        s59a += dots(a59, b0, b1, b2, b3); s59b += dots(a59, b4, b5, b6, b7);
        let a60 = subgroupBroadcast(own7, 4u);
        s60a += dots(a60, b0, b1, b2, b3); s60b += dots(a60, b4, b5, b6, b7);
        let a61 = subgroupBroadcast(own7, 5u);
        s61a += dots(a61, b0, b1, b2, b3); s61b += dots(a61, b4, b5, b6, b7);
        let a62 = subgroupBroadcast(own7, 6u);
        s62a += dots(a62, b0, b1, b2, b3); s62b += dots(a62, b4, b5, b6, b7);
        let a63 = subgroupBroadcast(own7, 7u);
        s63a += dots(a63, b0, b1, b2, b3); s63b += dots(a63, b4, b5, b6, b7);
    }
    // Four rows at a time.
    for (var i = 0u; i < 16u; i++) {
        var sums = array<vec4<f32>, 8>(
            of_sixteen(
                i, s0a, s4a, s8a, s12a, s16a, s20a, s24a, s28a,
                s32a, s36a, s40a, s44a, s48a, s52a, s56a, s60a,
            ),
            of_sixteen(
                i, s0b, s4b, s8b, s12b, s16b, s20b, s24b, s28b,
                s32b, s36b, s40b, s44b, s48b, s52b, s56b, s60b,
            ),
            of_sixteen(
                i, s1a, s5a, s9a, s13a, s17a, s21a, s25a, s29a,
                s33a, s37a, s41a, s45a, s49a, s53a, s57a, s61a,
            ),
            of_sixteen(
                i, s1b, s5b, s9b, s13b, s17b, s21b, s25b, s29b,
                s33b, s37b, s41b, s45b, s49b, s53b, s57b, s61b,
            ),
            of_sixteen(
                i, s2a, s6a, s10a, s14a, s18a, s22a, s26a, s30a,
                s34a, s38a, s42a, s46a, s50a, s54a, s58a, s62a,
            ),
            of_sixteen(
                i, s2b, s6b, s10b, s14b, s18b, s22b, s26b, s30b,
                s34b, s38b, s42b, s46b, s50b, s54b, s58b, s62b,
            ),
            of_sixteen(
                i, s3a, s7a, s11a, s15a, s19a, s23a, s27a, s31a,
                s35a, s39a, s43a, s47a, s51a, s55a, s59a, s63a,
            ),
            of_sixteen(
                i, s3b, s7b, s11b, s15b, s19b, s23b, s27b, s31b,
                s35b, s39b, s43b, s47b, s51b, s55b, s59b, s63b,
            ),
        );
        let first_row = row + 4u * i;
        if GATED {
            for (var j = 0u; j < 4u; j++) {
                store_gated(first_row + j, low / 4u, sums[2u * j], sums[2u * j + 1u]);
            }
            continue;
        }
        for (var j = 0u; j < 8u; j++) {
            store(id.z, first_row + j / 2u, col / 4u + j % 2u, sums[j]);
        }
        for (var j = 0u; j < 2u && SYMMETRIC && tile.x != tile.y; j++) {
            mirror(id.z, first_row / 4u, col / 4u + j, block(sums[j], sums[j + 2u], sums[j + 4u], sums[j + 6u]));
        }
    }
}
