// out[col] = lower median of the column over all rows of x; nothing where the statistics of the
// row norms (see norm_stats) count no outlier.
//
// Found digit by digit on bits that sort as the floats do. `tiled` gives eight columns to a workgroup, with
// a histogram of 256 bins each; `direct` gives four columns to an invocation, which compares with bounds: on
// software adapters a bin that is chosen at run time takes longer than many comparisons. Four columns are
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

// Four columns of a row as signed numbers that sort as the floats do, and back. Rows beyond the last count as the
// largest number.
fn signed(row: u32, quad: u32) -> vec4<i32> {
    let bits = bitcast<vec4<i32>>(x[min(row, params.rows - 1u) * (params.stride / 4u) + quad]);
    let key = bits ^ ((bits >> vec4<u32>(31u)) & vec4<i32>(0x7fffffff));
    return select(vec4<i32>(0x7fffffff), key, row < params.rows);
}

// How many of four rows lie below a bound, column by column.
fn below(k0: vec4<i32>, k1: vec4<i32>, k2: vec4<i32>, k3: vec4<i32>, bound: vec4<i32>) -> vec4<i32> {
    return (vec4<i32>(k0 < bound) + vec4<i32>(k1 < bound)) + (vec4<i32>(k2 < bound) + vec4<i32>(k3 < bound));
}

fn store(col: u32, key: i32) {
    if col < params.cols {
        out[col] = bitcast<u32>(key ^ ((key >> 31u) & 0x7fffffff));
    }
}

// Which part of the numbers a median is in: from `low` on and below `end`, with `first` rows below it and `last`
// below its end.
struct Part {
    low: vec4<i32>,
    end: vec4<i32>,
    first: vec4<i32>,
    last: vec4<i32>,
}

// What is on the median's side of `bound`, below which `count` rows lie.
fn narrowed(part: Part, bound: vec4<i32>, count: vec4<i32>, rank: vec4<i32>) -> Part {
    let is_above = count <= rank;
    return Part(
        select(part.low, max(part.low, bound), is_above),
        select(min(part.end, bound), part.end, is_above),
        select(part.first, max(part.first, count), is_above),
        select(min(part.last, count), part.last, is_above),
    );
}

@compute @workgroup_size(16)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let quad = id.x;
    if quad >= params.stride / 4u || stats[params.stats_start + 3u] == 0.0 {
        return;
    }
    let rank = vec4<i32>(i32((params.rows - 1u) / 2u));
    let smallest = vec4<i32>(-0x7fffffff - 1);
    var part = Part(smallest, vec4<i32>(0x7fffffff), vec4<i32>(), vec4<i32>(i32(params.rows)));
    // Seven rows are the first bounds: values are dense where these are.
    let seventh = params.rows / 7u;
    var b1 = signed(0u, quad); var b2 = signed(seventh, quad); var b3 = signed(2u * seventh, quad);
    var b4 = signed(3u * seventh, quad); var b5 = signed(4u * seventh, quad);
    var b6 = signed(5u * seventh, quad); var b7 = signed(6u * seventh, quad);
    // A part has at most an eighth of the numbers of the last one then, 2^32 at first.
    for (var cut = 0u; cut < 14u; cut++) {
        var c1 = vec4<i32>(); var c2 = vec4<i32>(); var c3 = vec4<i32>(); var c4 = vec4<i32>();
        var c5 = vec4<i32>(); var c6 = vec4<i32>(); var c7 = vec4<i32>();
        for (var row = 0u; row < params.rows; row += 4u) {
            let k0 = signed(row, quad); let k1 = signed(row + 1u, quad);
            let k2 = signed(row + 2u, quad); let k3 = signed(row + 3u, quad);
            c1 += below(k0, k1, k2, k3, b1); c2 += below(k0, k1, k2, k3, b2); c3 += below(k0, k1, k2, k3, b3);
            c4 += below(k0, k1, k2, k3, b4); c5 += below(k0, k1, k2, k3, b5); c6 += below(k0, k1, k2, k3, b6);
            c7 += below(k0, k1, k2, k3, b7);
        }
        part = narrowed(part, b1, c1, rank); part = narrowed(part, b2, c2, rank);
        part = narrowed(part, b3, c3, rank); part = narrowed(part, b4, c4, rank);
        part = narrowed(part, b5, c5, rank); part = narrowed(part, b6, c6, rank);
        part = narrowed(part, b7, c7, rank);
        // One row is left in it, or it is one number.
        let size = bitcast<vec4<u32>>(part.end - part.low);
        if all((part.last - part.first == vec4<i32>(1)) | (size <= vec4<u32>(1u))) {
            break;
        }
        let step = bitcast<vec4<i32>>(size / 8u + 1u);
        b1 = part.low + step; b2 = b1 + step; b3 = b2 + step; b4 = b3 + step;
        b5 = b4 + step; b6 = b5 + step; b7 = b6 + step;
    }
    // The row in question is the first one there is in the part.
    var key = vec4<i32>(0x7fffffff);
    for (var row = 0u; row < params.rows; row++) {
        let own = signed(row, quad);
        key = select(key, min(key, own), own >= part.low);
    }
    store(4u * quad, key.x);
    store(4u * quad + 1u, key.y);
    store(4u * quad + 2u, key.z);
    store(4u * quad + 3u, key.w);
}
