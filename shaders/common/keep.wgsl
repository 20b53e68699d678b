// Rows whose width is not a multiple of four end in padding, which may hold anything, even NaN.

// Zeroes what lies beyond the first `valid` elements.
fn keep(value: vec4<f32>, valid: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), value, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(valid));
}
