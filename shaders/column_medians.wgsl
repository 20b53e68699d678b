// out[col] = lower median of the column over all rows of x; nothing where the statistics of the
// row norms (see norm_stats) count no outlier.
//
// Found digit by digit on bits that sort as the floats do. `tiled` gives eight columns to a workgroup, with
// a histogram of 256 bins each; `direct` gives four columns to an invocation, with 16. Four columns are
// read at a time: rows are padded to multiples of 16 bytes.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    // First element of the layer's statistics.
    stats_start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

// Negative floats sort backwards: all their bits flip, of the others only the sign.
fn sortable(bits: vec4<u32>) -> vec4<u32> {
    let is_negative = bits >> vec4<u32>(31u) == vec4<u32>(1u);
    return bits ^ select(vec4<u32>(0x80000000u), vec4<u32>(0xffffffffu), is_negative);
}

fn unsortable(key: u32) -> u32 {
    return key ^ select(0xffffffffu, 0x80000000u, key >> 31u == 1u);
}

// Columns of a workgroup, and invocations that share a quad of them.
const COLUMNS: u32 = 8u;
const LANES: u32 = 128u;
// Invocations that add up the bins of a column, and bins that each of them takes.
const HELPERS: u32 = 32u;
const BINS: u32 = 8u;

// Neighbouring columns lie in different banks.
var<workgroup> histogram: array<atomic<u32>, 256u * COLUMNS>;
var<workgroup> coarse: array<u32, HELPERS * COLUMNS>;
var<workgroup> prefixes: array<u32, COLUMNS>;
var<workgroup> ranks: array<u32, COLUMNS>;

// Counts the next eight bits of a key, below `shift`, where those above are `prefix`.
fn count_digit(column: u32, key: u32, shift: u32, prefix: u32) {
    if shift == 32u || key >> (shift % 32u) == prefix {
        atomicAdd(&histogram[((key >> (shift - 8u)) & 255u) * COLUMNS + column], 1u);
    }
}

// Appends the next digit to the prefix of a column.
fn choose(column: u32) {
    let rank = ranks[column];
    var below = 0u;
    var helper = 0u;
    while helper < HELPERS - 1u && below + coarse[helper * COLUMNS + column] <= rank {
        below += coarse[helper * COLUMNS + column];
        helper++;
    }
    var bin = helper * BINS;
    loop {
        let count = atomicLoad(&histogram[bin * COLUMNS + column]);
        if below + count > rank || bin == helper * BINS + BINS - 1u {
            break;
        }
        below += count;
        bin++;
    }
    prefixes[column] = (prefixes[column] << 8u) | bin;
    ranks[column] = rank - below;
}

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    if stats[params.stats_start + 3u] == 0.0 {
        return;
    }
    // What an invocation counts: a quad of columns, every so many rows.
    let half = local % 2u;
    let lane = local / 2u;
    let quad = group.x * (COLUMNS / 4u) + half;
    let stride = params.stride / 4u;
    let own = half * 4u;
    if local < COLUMNS {
        prefixes[local] = 0u;
        ranks[local] = (params.rows - 1u) / 2u;
    }
    for (var shift = 32u; shift > 0u; shift -= 8u) {
        for (var bin = local; bin < 256u * COLUMNS; bin += 256u) {
            atomicStore(&histogram[bin], 0u);
        }
        workgroupBarrier();
        if quad < stride {
            let prefix = vec4<u32>(prefixes[own], prefixes[own + 1u], prefixes[own + 2u], prefixes[own + 3u]);
            for (var row = lane; row < params.rows; row += LANES) {
                let key = sortable(x[row * stride + quad]);
                count_digit(own, key.x, shift, prefix.x);
                count_digit(own + 1u, key.y, shift, prefix.y);
                count_digit(own + 2u, key.z, shift, prefix.z);
                count_digit(own + 3u, key.w, shift, prefix.w);
            }
        }
        workgroupBarrier();
        var count = 0u;
        for (var bin = 0u; bin < BINS; bin++) {
            count += atomicLoad(&histogram[((local / COLUMNS) * BINS + bin) * COLUMNS + local % COLUMNS]);
        }
        coarse[local] = count;
        workgroupBarrier();
        if local < COLUMNS {
            choose(local);
        }
        workgroupBarrier();
    }
    let col = group.x * COLUMNS + local;
    if local < COLUMNS && col < params.cols {
        out[col] = unsortable(prefixes[local]);
    }
}

fn store(col: u32, key: u32) {
    if col < params.cols {
        out[col] = unsortable(key);
    }
}

@compute @workgroup_size(16)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let quad = id.x;
    let stride = params.stride / 4u;
    if quad >= stride || stats[params.stats_start + 3u] == 0.0 {
        return;
    }
    var prefix = vec4<u32>(0u);
    var rank = vec4<u32>((params.rows - 1u) / 2u);
    for (var shift = 32u; shift > 0u; shift -= 4u) {
        var counts = array<vec4<u32>, 16>();
        for (var row = 0u; row < params.rows; row++) {
            let key = sortable(x[row * stride + quad]);
            let above = key >> vec4<u32>(shift % 32u);
            let one = vec4<u32>(vec4<bool>(shift == 32u) | (above == prefix));
            let bin = (key >> vec4<u32>(shift - 4u)) & vec4<u32>(15u);
            counts[bin.x].x += one.x;
            counts[bin.y].y += one.y;
            counts[bin.z].z += one.z;
            counts[bin.w].w += one.w;
        }
        // The bin of each column is the number of bins that lie below the rank as a whole.
        var bin = vec4<u32>(0u);
        var below = vec4<u32>(0u);
        var sum = vec4<u32>(0u);
        for (var candidate = 0u; candidate < 15u; candidate++) {
            sum += counts[candidate];
            let is_below = sum <= rank;
            bin += vec4<u32>(is_below);
            below = select(below, sum, is_below);
        }
        prefix = (prefix << vec4<u32>(4u)) | bin;
        rank -= below;
    }
    store(4u * quad, prefix.x);
    store(4u * quad + 1u, prefix.y);
    store(4u * quad + 2u, prefix.z);
    store(4u * quad + 3u, prefix.w);
}
