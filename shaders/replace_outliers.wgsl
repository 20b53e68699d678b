// x[row] = medians, in place, for rows whose norm lies further from the median norm than the
// statistics (see norm_stats) allow. Some groups of four elements of a row per invocation.

struct Params {
    rows: u32,
    // Groups of four in a row.
    width4: u32,
    // First element of the layer's norms and of its statistics.
    norms_start: u32,
    stats_start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> norms: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> medians: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;

// Groups of an invocation, about: few rows are written, and of the others it reads one norm.
const GROUPS: u32 = 16u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
    let index = id.y * groups.x * 64u + id.x;
    let across = (params.width4 + GROUPS - 1u) / GROUPS;
    let row = index / across;
    if row >= params.rows || stats[params.stats_start + 3u] == 0.0 {
        return;
    }
    let distance = abs(norms[params.norms_start + row] - stats[params.stats_start + 2u]);
    if distance <= stats[params.stats_start + 6u] {
        return;
    }
    for (var col4 = index % across; col4 < params.width4; col4 += across) {
        x[row * params.width4 + col4] = medians[col4];
    }
}
