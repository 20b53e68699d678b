// Decoding of stored weights. Codes: 0 = f32, 1 = f16, 2 = bf16.

// Four 16-bit floats packed in two words, low half first.
fn unpack_16(dtype: u32, packed: vec2<u32>) -> vec4<f32> {
    if dtype == 1u {
        return vec4<f32>(unpack2x16float(packed.x), unpack2x16float(packed.y));
    }
    return bitcast<vec4<f32>>(vec4<u32>(
        packed.x << 16u, packed.x & 0xffff0000u,
        packed.y << 16u, packed.y & 0xffff0000u,
    ));
}
