// Sums of the elements of a vector.

fn total4(value: vec4<f32>) -> f32 {
    return dot(value, vec4<f32>(1.0));
}

fn total4_u32(value: vec4<u32>) -> u32 {
    return value.x + value.y + value.z + value.w;
}
