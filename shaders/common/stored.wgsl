// Where stored weights lie, and what is read of them at a time. Rows begin at multiples of 16 bytes.

@group(0) @binding(2) var<storage, read> b: array<vec4<u32>>;

// Eight neighbouring elements of a row.
struct Eight {
    low: vec4<f32>,
    high: vec4<f32>,
}
