// Tiles in workgroup memory of which an invocation computes eight rows and four columns.

// Scores or sums of eight rows and four columns.
struct Rows {
    r0: vec4<f32>,
    r1: vec4<f32>,
    r2: vec4<f32>,
    r3: vec4<f32>,
    r4: vec4<f32>,
    r5: vec4<f32>,
    r6: vec4<f32>,
    r7: vec4<f32>,
}

// Where a quad of a row stands in a tile of 32 elements per row: eight invocations that read one quad of
// eight neighbouring rows meet eight different banks of 16 bytes.
fn place(row: u32, quad: u32) -> u32 {
    return row * 8u + (quad ^ (row & 7u));
}
