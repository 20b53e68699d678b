// Values that compilers cannot look into.

// The value itself, where `zero` is a parameter that is 0. Metal's compiler takes sums for those of real
// numbers unless told otherwise, and (x - mean) - rest for x - (mean + rest), which drops the rest; it cannot
// where the bits of x - mean go through an operation on integers.
fn opaque(value: vec4<f32>, zero: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(bitcast<vec4<u32>>(value) ^ vec4<u32>(zero));
}
