// How weights in blocks are read: elements of a row that share a scale, as they are stored, and of these eight
// as numbers. A row has the planes of src/blocks/planes.rs: what is small of all blocks
// first, each plane from a word on, then, from 16 bytes on, the rest block by block.
//
// Dtype codes: 3 = q4_0, 4 = q4_1, 5 = q5_0, 6 = q5_1, 7 = q8_0, 8 = q4_k, 9 = q5_k, 10 = q6_k; below 3 see
// dtype.wgsl. Rows are named by their beginning, in units of 16 bytes.

import package::common::dtype::unpack_16;
import package::common::stored::Eight;
import package::common::weights::weights8;

// Word `i` of the row.
fn word(row: u32, i: u32) -> u32 {
    return b[row + i / 4u][i % 4u];
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

// Neighbouring elements as they are stored, see `packed_count`.
struct Packed {
    // The bytes among which theirs are, and those with their upper bits.
    quants: vec4<u32>,
    more: vec4<u32>,
    scale: f32,
    // Added to each.
    shift: f32,
}

// How many elements a `Packed` stands for: whole blocks where all of one share 16 bytes.
fn packed_count(dtype: u32) -> u32 {
    return select(16u, 32u, dtype < 7u);
}

// The words with the bytes of eight elements among 16 bytes; `k` says which half.
fn eight_bytes(words: vec4<u32>, k: u32) -> vec2<u32> {
    return select(words.xy, words.zw, (k & 8u) == 8u);
}

// Four bytes as numbers. By signed integers: processors have no instruction for unsigned ones.
fn four_bytes(packed: u32) -> vec4<f32> {
    return vec4<f32>(bitcast<vec4<i32>>((vec4<u32>(packed) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)));
}

// The lowest four bits as the fifth bits of four bytes: a product of so few ones has no carry.
fn fifth(packed: u32) -> u32 {
    return (((packed & 15u) * 0x00204081u) & 0x01010101u) << 4u;
}

// Four signed bytes.
fn signed_bytes(packed: u32) -> vec4<f32> {
    let high = vec4<u32>(packed << 24u, packed << 16u, packed << 8u, packed);
    return vec4<f32>(bitcast<vec4<i32>>(high) >> vec4<u32>(24u));
}

// Of blocks of 32.
fn small16(dtype: u32, row: u32, k: u32, blocks: u32) -> Packed {
    let block = k / 32u;
    let half = k % 32u / 16u;
    if dtype == 7u {
        let quants = b[row + (blocks + 7u) / 8u + 2u * block + half];
        return Packed(quants, vec4<u32>(), half_of(row, block), 0.0);
    }
    // Words before the plane of fifth bits, and before the quants.
    let has_least = dtype == 4u || dtype == 6u;
    let has_fifth = dtype == 5u || dtype == 6u;
    let scales = select((blocks + 1u) / 2u, blocks, has_least);
    let head = select(scales, scales + blocks, has_fifth);
    let quants = b[row + (head + 3u) / 4u + block];
    var more = vec4<u32>();
    if has_fifth {
        more = vec4<u32>(word(row, scales + block));
    }
    if has_least {
        let both = two_halves(word(row, block));
        return Packed(quants, more, both.x, both.y);
    }
    return Packed(quants, more, half_of(row, block), 0.0);
}

// Of blocks of 256 with 4 or 5 bits.
fn large16(dtype: u32, row: u32, k: u32) -> Packed {
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
    let half = k % 32u / 16u;
    var more = vec4<u32>();
    if dtype == 9u {
        more = b[start + 1u + half];
    }
    return Packed(b[start + select(1u, 3u, dtype == 9u) + part / 2u * 2u + half], more, both.x, -both.y);
}

// Of blocks of 256 with 6 bits.
fn six16(row: u32, k: u32, blocks: u32, more: vec4<u32>) -> Packed {
    let block = k / 256u;
    let start = row + (blocks + 7u) / 8u + block * 13u;
    let part = k % 256u / 128u;
    let half = k % 32u / 16u;
    let factor = signed_bytes(word(start, k % 256u / 64u) >> (k % 64u / 16u * 8u)).x;
    let quants = b[start + 5u + part * 4u + k % 64u / 32u * 2u + half];
    return Packed(quants, more, half_of(row, block) * factor, 0.0);
}

// The bytes with the upper bits of sixteen elements of 6 bits from element `k` on, and of those 32, 64 and 96
// elements further; of other types nothing.
fn upper16(dtype: u32, row: u32, k: u32, cols: u32) -> vec4<u32> {
    if dtype != 10u {
        return vec4<u32>();
    }
    let blocks = cols / 256u;
    return b[row + (blocks + 7u) / 8u + k / 256u * 13u + 1u + k % 256u / 128u * 2u + k % 32u / 16u];
}

// The elements of a row of `cols` among which is element `k`; of floats nothing. `upper` is of `upper16`, which
// readers of more than sixteen elements ask less often.
fn packed_with(dtype: u32, row: u32, k: u32, cols: u32, upper: vec4<u32>) -> Packed {
    if dtype < 3u {
        return Packed();
    }
    if dtype < 8u {
        return small16(dtype, row, k, cols / 32u);
    }
    if dtype < 10u {
        return large16(dtype, row, k);
    }
    return six16(row, k, cols / 256u, upper);
}

fn packed(dtype: u32, row: u32, k: u32, cols: u32) -> Packed {
    return packed_with(dtype, row, k, cols, upper16(dtype, row, k, cols));
}

// Eight of them, from element `k` on, a multiple of 8; floats are read here. Elements beyond the row are of no
// meaning.
fn unpacked8(dtype: u32, stored: Packed, row: u32, k: u32, cols: u32) -> Eight {
    if dtype < 3u {
        return weights8(dtype, row, k, cols - 1u);
    }
    let scale = stored.scale;
    let pair = eight_bytes(stored.quants, k);
    if dtype == 7u {
        return Eight(scale * signed_bytes(pair.x), scale * signed_bytes(pair.y));
    }
    // Lower bits come first in a byte; the upper ones belong to elements so many further. Four bytes at a time.
    let further = select(select(64u, 32u, dtype < 10u), 16u, dtype < 8u);
    var four = (pair >> vec2<u32>(k / further % 2u * 4u)) & vec2<u32>(0x0f0f0f0fu);
    if dtype == 5u || dtype == 6u {
        let more = stored.more.x >> (k & 24u);
        four |= vec2<u32>(fifth(more), fifth(more >> 4u));
    }
    if dtype == 9u {
        let more = eight_bytes(stored.more, k) >> vec2<u32>(k % 256u / 32u);
        four |= (more & vec2<u32>(0x01010101u)) << vec2<u32>(4u);
    }
    if dtype == 10u {
        let more = eight_bytes(stored.more, k) >> vec2<u32>(k % 128u / 32u * 2u);
        four |= (more & vec2<u32>(0x03030303u)) << vec2<u32>(4u);
    }
    let low = four_bytes(four.x);
    let high = four_bytes(four.y);
    if dtype == 4u || dtype == 6u || dtype == 8u || dtype == 9u {
        return Eight(scale * low + stored.shift, scale * high + stored.shift);
    }
    let middle = select(select(32.0, 16.0, dtype == 5u), 8.0, dtype == 3u);
    return Eight(scale * (low - middle), scale * (high - middle));
}

// Eight elements of a row of `cols`, from element `k` on, a multiple of 8 below `cols`. Elements beyond the
// row are of no meaning.
fn stored8(dtype: u32, row: u32, k: u32, cols: u32) -> Eight {
    return unpacked8(dtype, packed(dtype, row, k, cols), row, k, cols);
}
