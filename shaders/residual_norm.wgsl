// x = residual + y, or, BEHIND, residual + rms_norm(y) * behind, and NEXT what follows: normed = rms_norm(x) * next;
// y = bias + sum over p of pieces[p], where rms_norm(y) = y / sqrt(mean(y^2) + eps), row by row. It ends a product,
// whose inner dimension may have been cut. Four elements at a time: rows are padded to multiples of 16 bytes.
//
// pieces [count * rows, cols], bias, behind and next [cols], residual, x and normed [rows, cols].
//
// `tiled` shares a row among the lanes of a workgroup, `direct` gives it to an invocation.

import package::common::keep::keep;
import package::common::rows::LANES;
import package::common::rows::row_of;
import package::common::rows::row_sum;
import package::common::total::total4;

override HAS_BIAS: bool = false;
override BEHIND: bool = false;
override NEXT: bool = false;

struct Params {
    rows: u32,
    cols: u32,
    // Groups of four from one row to the next.
    stride: u32,
    count: u32,
    eps_behind: f32,
    eps_next: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> pieces: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> behind: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> next: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> normed: array<vec4<f32>>;

// Groups of four in a row.
fn quads() -> u32 {
    return (params.cols + 3u) / 4u;
}

// The squares of what counts of a group of four.
fn squares_of(value: vec4<f32>, quad: u32) -> vec4<f32> {
    let kept = keep(value, params.cols - 4u * quad);
    return kept * kept;
}

// Sums the pieces of a group of four, adds the residual unless that waits for a norm, and returns the squares.
fn joined(base: u32, quad: u32) -> vec4<f32> {
    var value = vec4<f32>(0.0);
    for (var piece = 0u; piece < params.count; piece++) {
        value += pieces[piece * params.rows * params.stride + base + quad];
    }
    if HAS_BIAS {
        value += bias[quad];
    }
    if !BEHIND {
        value += residual[base + quad];
    }
    x[base + quad] = value;
    return squares_of(value, quad);
}

// Norms what `joined` left, adds the residual, and returns the squares.
fn added(base: u32, quad: u32, scale: f32) -> vec4<f32> {
    let value = residual[base + quad] + behind[quad] * (x[base + quad] * scale);
    x[base + quad] = value;
    return squares_of(value, quad);
}

fn scale_of(squares: f32, eps: f32) -> f32 {
    return inverseSqrt(squares / f32(params.cols) + eps);
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = row_of(group, local);
    // Lanes of rows beyond the last one have nothing to do but to meet the others at barriers.
    let end = select(0u, quads(), row < params.rows);
    let base = row * params.stride;
    var squares = vec4<f32>(0.0);
    for (var quad = local % LANES; quad < end; quad += LANES) {
        squares += joined(base, quad);
    }
    if BEHIND {
        let scale = scale_of(row_sum(local, total4(squares)), params.eps_behind);
        squares = vec4<f32>(0.0);
        for (var quad = local % LANES; quad < end; quad += LANES) {
            squares += added(base, quad, scale);
        }
    }
    if NEXT {
        let scale = scale_of(row_sum(local, total4(squares)), params.eps_next);
        for (var quad = local % LANES; quad < end; quad += LANES) {
            normed[base + quad] = next[quad] * (x[base + quad] * scale);
        }
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.rows {
        return;
    }
    let base = id.x * params.stride;
    var squares = vec4<f32>(0.0);
    for (var quad = 0u; quad < quads(); quad++) {
        squares += joined(base, quad);
    }
    if BEHIND {
        let scale = scale_of(total4(squares), params.eps_behind);
        squares = vec4<f32>(0.0);
        for (var quad = 0u; quad < quads(); quad++) {
            squares += added(base, quad, scale);
        }
    }
    if NEXT {
        let scale = scale_of(total4(squares), params.eps_next);
        for (var quad = 0u; quad < quads(); quad++) {
            normed[base + quad] = next[quad] * (x[base + quad] * scale);
        }
    }
}
