// Blocks of 4 x 4 elements: what an invocation multiplies a group of four with.

// By columns: element j of `x` is row j's first element.
struct Block {
    x: vec4<f32>,
    y: vec4<f32>,
    z: vec4<f32>,
    w: vec4<f32>,
}

// The block of four rows.
fn block(r0: vec4<f32>, r1: vec4<f32>, r2: vec4<f32>, r3: vec4<f32>) -> Block {
    return Block(
        vec4<f32>(r0.x, r1.x, r2.x, r3.x), vec4<f32>(r0.y, r1.y, r2.y, r3.y),
        vec4<f32>(r0.z, r1.z, r2.z, r3.z), vec4<f32>(r0.w, r1.w, r2.w, r3.w),
    );
}

// sum + the products of four elements with a block's rows: 16 fused steps.
fn add(sum: vec4<f32>, four: vec4<f32>, b4: Block) -> vec4<f32> {
    return fma(vec4<f32>(four.w), b4.w, fma(vec4<f32>(four.z), b4.z, fma(vec4<f32>(four.y), b4.y,
        fma(vec4<f32>(four.x), b4.x, sum))));
}
