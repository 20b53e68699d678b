// Decoding of stored weights. Codes: 0 = f32, 1 = f16, 2 = bf16; from 3 on blocks, see blocks.wgsl.
//
// Subnormal numbers of f16 are normal ones of f32 and count: some drivers take them for 0 where they decode
// by themselves, and then integers do it. Subnormal numbers of bf16 are those of f32, which a device may
// take for 0 in any operation.

// Set for a device whose decoding drops subnormal numbers of f16.
override INTEGER_F16: bool = false;

// The smallest f16 above 0: 2^-24.
const TINIEST: f32 = 5.9604645e-8;

// f16 in the lower halves of words, without subnormal numbers of f32 on the way.
fn f16_by_integers(halves: vec4<u32>) -> vec4<f32> {
    let magnitude = halves & vec4<u32>(0x7fffu);
    let shifted = magnitude << vec4<u32>(13u);
    // Exponents are biased by 15 instead of 127; the largest stands for infinity and NaN in both.
    let normal = bitcast<vec4<f32>>(shifted + vec4<u32>(112u << 23u));
    let special = bitcast<vec4<f32>>(shifted + vec4<u32>(224u << 23u));
    let tiny = vec4<f32>(magnitude) * TINIEST;
    let value = select(select(normal, special, magnitude >= vec4<u32>(0x7c00u)), tiny, magnitude < vec4<u32>(0x0400u));
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(value) | ((halves & vec4<u32>(0x8000u)) << vec4<u32>(16u)));
}

// Four 16-bit floats packed in two words, low half first.
fn unpack_16(dtype: u32, packed: vec2<u32>) -> vec4<f32> {
    if dtype == 1u {
        if INTEGER_F16 {
            return f16_by_integers(vec4<u32>(packed.x, packed.x >> 16u, packed.y, packed.y >> 16u));
        }
        return vec4<f32>(unpack2x16float(packed.x), unpack2x16float(packed.y));
    }
    return bitcast<vec4<f32>>(vec4<u32>(
        packed.x << 16u, packed.x & 0xffff0000u,
        packed.y << 16u, packed.y & 0xffff0000u,
    ));
}
