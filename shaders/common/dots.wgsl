// Products of a group of four elements with the same four of 4, 8 and 16 rows.

fn dots(x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(dot(x, b0), dot(x, b1), dot(x, b2), dot(x, b3));
}

fn dots8(
    x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>,
    b4: vec4<f32>, b5: vec4<f32>, b6: vec4<f32>, b7: vec4<f32>,
) -> mat2x4<f32> {
    return mat2x4<f32>(dots(x, b0, b1, b2, b3), dots(x, b4, b5, b6, b7));
}

// A matrix: SwiftShader takes minutes to compile a structure of such sums.
fn dots16(
    x: vec4<f32>, b0: vec4<f32>, b1: vec4<f32>, b2: vec4<f32>, b3: vec4<f32>,
    b4: vec4<f32>, b5: vec4<f32>, b6: vec4<f32>, b7: vec4<f32>, b8: vec4<f32>, b9: vec4<f32>,
    b10: vec4<f32>, b11: vec4<f32>, b12: vec4<f32>, b13: vec4<f32>, b14: vec4<f32>, b15: vec4<f32>,
) -> mat4x4<f32> {
    return mat4x4<f32>(
        dots(x, b0, b1, b2, b3), dots(x, b4, b5, b6, b7), dots(x, b8, b9, b10, b11), dots(x, b12, b13, b14, b15),
    );
}
