// How weights in blocks are read: eight elements of a row at a time, which share a scale. A row has the planes
// of src/blocks/planes.rs: what is small of all blocks first, each plane from a word on, then, from 16 bytes
// on, the rest block by block.
//
// Dtype codes: 3 = q4_0, 4 = q4_1, 5 = q5_0, 6 = q5_1, 7 = q8_0, 8 = q4_k, 9 = q5_k, 10 = q6_k; below 3 see
// dtype.wgsl. Rows are named by their beginning, in units of 16 bytes.

import package::common::dtype::unpack_16;
import package::common::stored::Eight;
import package::common::weights::weights8;

fn of_four(words: vec4<u32>, i: u32) -> u32 {
    let odd = (i & 1u) == 1u;
    return select(select(words.x, words.y, odd), select(words.z, words.w, odd), (i & 2u) == 2u);
}

// Word `i` of the row.
fn word(row: u32, i: u32) -> u32 {
    return of_four(b[row + i / 4u], i);
}

// Two f16 in a word.
fn two_halves(packed: u32) -> vec2<f32> {
    return unpack_16(1u, vec2<u32>(packed, 0u)).xy;
}

// The f16 `i` of the row.
fn half_of(row: u32, i: u32) -> f32 {
    let two = two_halves(word(row, i / 2u));
    return select(two.x, two.y, (i & 1u) == 1u);
}

// The words with the bytes of eight elements among 16 bytes; `k` says which half.
fn eight_bytes(words: vec4<u32>, k: u32) -> vec2<u32> {
    return select(words.xy, words.zw, (k & 8u) == 8u);
}

// What the lower bits of four bytes say, from bit `shift` on.
fn bits(packed: u32, shift: u32, mask: u32) -> vec4<u32> {
    return (vec4<u32>(packed) >> (vec4<u32>(0u, 8u, 16u, 24u) + vec4<u32>(shift))) & vec4<u32>(mask);
}

// Four bits that follow each other, as fifth bits.
fn fifth(packed: u32) -> vec4<u32> {
    return ((vec4<u32>(packed) >> vec4<u32>(0u, 1u, 2u, 3u)) & vec4<u32>(1u)) << vec4<u32>(4u);
}

// Four signed bytes.
fn signed_bytes(packed: u32) -> vec4<f32> {
    let high = vec4<u32>(packed << 24u, packed << 16u, packed << 8u, packed);
    return vec4<f32>(bitcast<vec4<i32>>(high) >> vec4<u32>(24u));
}

// scale * quants + shift
fn scaled(low: vec4<u32>, high: vec4<u32>, scale: f32, shift: f32) -> Eight {
    return Eight(scale * vec4<f32>(low) + shift, scale * vec4<f32>(high) + shift);
}

// scale * (quants - middle)
fn centered(low: vec4<u32>, high: vec4<u32>, scale: f32, middle: f32) -> Eight {
    return Eight(scale * (vec4<f32>(low) - middle), scale * (vec4<f32>(high) - middle));
}

// Blocks of 32.
fn small8(dtype: u32, row: u32, k: u32, blocks: u32) -> Eight {
    let block = k / 32u;
    let at = k % 32u;
    if dtype == 7u {
        let pair = eight_bytes(b[row + (blocks + 7u) / 8u + 2u * block + at / 16u], k);
        let scale = half_of(row, block);
        return Eight(scale * signed_bytes(pair.x), scale * signed_bytes(pair.y));
    }
    // Words before the plane of fifth bits, and before the quants.
    let has_least = dtype == 4u || dtype == 6u;
    let has_fifth = dtype == 5u || dtype == 6u;
    let scales = select((blocks + 1u) / 2u, blocks, has_least);
    let head = select(scales, scales + blocks, has_fifth);
    let pair = eight_bytes(b[row + (head + 3u) / 4u + block], k);
    let shift = at / 16u * 4u;
    var low = bits(pair.x, shift, 15u);
    var high = bits(pair.y, shift, 15u);
    if has_fifth {
        let more = word(row, scales + block) >> at;
        low |= fifth(more);
        high |= fifth(more >> 4u);
    }
    if has_least {
        let both = two_halves(word(row, block));
        return scaled(low, high, both.x, both.y);
    }
    return centered(low, high, half_of(row, block), select(8.0, 16.0, has_fifth));
}

// Blocks of 256 with 4 or 5 bits.
fn large8(dtype: u32, row: u32, k: u32) -> Eight {
    let start = row + k / 256u * select(9u, 11u, dtype == 9u);
    let first = b[start];
    let part = k % 256u / 32u;
    let byte = part % 4u * 8u;
    let least = vec3<u32>(first.y >> byte, first.z >> byte, first.w >> byte) & vec3<u32>(255u);
    let factors = select(
        vec2<u32>(least.x & 63u, least.y & 63u),
        vec2<u32>((least.z & 15u) | ((least.x >> 6u) << 4u), (least.z >> 4u) | ((least.y >> 6u) << 4u)),
        part >= 4u,
    );
    let both = two_halves(first.x) * vec2<f32>(factors);
    let at = k % 32u / 16u;
    let pair = eight_bytes(b[start + select(1u, 3u, dtype == 9u) + part / 2u * 2u + at], k);
    let shift = part % 2u * 4u;
    var low = bits(pair.x, shift, 15u);
    var high = bits(pair.y, shift, 15u);
    if dtype == 9u {
        let more = eight_bytes(b[start + 1u + at], k);
        low |= bits(more.x, part, 1u) << vec4<u32>(4u);
        high |= bits(more.y, part, 1u) << vec4<u32>(4u);
    }
    return scaled(low, high, both.x, -both.y);
}

// Blocks of 256 with 6 bits.
fn six8(row: u32, k: u32, blocks: u32) -> Eight {
    let block = k / 256u;
    let start = row + (blocks + 7u) / 8u + block * 13u;
    let part = k % 256u / 128u;
    let quarter = k % 128u / 32u;
    let at = k % 32u / 16u;
    let factor = signed_bytes(of_four(b[start], k % 256u / 64u) >> (k % 64u / 16u * 8u)).x;
    let scale = half_of(row, block) * factor;
    let pair = eight_bytes(b[start + 5u + part * 4u + quarter % 2u * 2u + at], k);
    let more = eight_bytes(b[start + 1u + part * 2u + at], k);
    let shift = quarter / 2u * 4u;
    let low = bits(pair.x, shift, 15u) | (bits(more.x, quarter * 2u, 3u) << vec4<u32>(4u));
    let high = bits(pair.y, shift, 15u) | (bits(more.y, quarter * 2u, 3u) << vec4<u32>(4u));
    return centered(low, high, scale, 32.0);
}

// Eight elements of a row of `cols`, from element `k` on, a multiple of 8 below `cols`. Elements beyond the
// row are of no meaning.
fn stored8(dtype: u32, row: u32, k: u32, cols: u32) -> Eight {
    if dtype < 3u {
        return weights8(dtype, row, k, cols - 1u);
    }
    if dtype < 8u {
        return small8(dtype, row, k, cols / 32u);
    }
    if dtype < 10u {
        return large8(dtype, row, k);
    }
    return six8(row, k, cols / 256u);
}
