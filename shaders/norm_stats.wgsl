// Statistics of rows of token norms (the bits of f32, none negative): eight values per row,
//   0 mean, 1 standard deviation (unbiased), 2 lower median, 3 number of outliers,
//   4 number of norms that are not finite, 5 power of two that brings the median into [1, 2),
//   6 distance to the median beyond which a norm is an outlier,
//   7 number of norms whose distance to the median is within 1 % of that.
//
// The median is found digit by digit: bits of floats that are not negative sort as the floats do. A workgroup takes
// a row, an invocation four norms at a time (rows are padded to multiples of 16 bytes). Without barriers each
// invocation would need 256 bins of its own, for which llvmpipe compiles for seconds.

import package::common::opaque::opaque;
import package::common::rows::row_sum;
import package::common::rows_u32::row_sum_u32;
import package::common::total::total4;
import package::common::total::total4_u32;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    zero: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> norms: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;

const INFINITY: u32 = 0x7f800000u;
// Standard deviations from the median at which a norm becomes an outlier.
const SIGMAS: f32 = 3.0;
// Part of that distance within which the smallest change may decide.
const NEAR: f32 = 0.01;
const BLOCK: u32 = 32u;

// Power of two whose product with a norm of these bits lies in [1, 2), as far as f32 reaches.
fn unit_scale(bits: u32) -> f32 {
    return bitcast<f32>((254u << 23u) - clamp(bits & INFINITY, 27u << 23u, 227u << 23u));
}

fn store(row: u32, mean: f32, deviation: f32, median: u32, counts: vec2<u32>, broken: u32) {
    let base = row * 8u;
    stats[base] = mean;
    stats[base + 1u] = deviation;
    stats[base + 2u] = bitcast<f32>(median);
    stats[base + 3u] = f32(counts.x);
    stats[base + 4u] = f32(broken);
    stats[base + 5u] = unit_scale(select(median, bitcast<u32>(mean), median == 0u));
    stats[base + 6u] = SIGMAS * deviation;
    stats[base + 7u] = f32(counts.y);
}

// What is summed over norms, four at a time: distances to the median, their squares, and how many norms are
// not finite.
struct Sums {
    distances: vec4<f32>,
    squares: vec4<f32>,
    broken: vec4<u32>,
}

// Which of a quad's norms belong to the row.
fn inside(quad: u32) -> vec4<bool> {
    return vec4<u32>(4u * quad) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(params.cols);
}

// Sums over the quads from `first` on in steps of `step`, in blocks, which keeps the rounding of a long sum
// small.
fn sums_of(base: u32, first: u32, step: u32, median: f32) -> Sums {
    let quads = (params.cols + 3u) / 4u;
    var sums = Sums();
    for (var block = first; block < quads; block += BLOCK * step) {
        var own = Sums();
        for (var quad = block; quad < min(block + BLOCK * step, quads); quad += step) {
            let is_inside = inside(quad);
            let bits = select(vec4<u32>(bitcast<u32>(median)), norms[base + quad], is_inside);
            let distance = opaque(bitcast<vec4<f32>>(bits) - median, params.zero);
            own.distances += distance;
            own.squares += distance * distance;
            own.broken += vec4<u32>(is_inside & (bits >= vec4<u32>(INFINITY)));
        }
        sums.distances += own.distances;
        sums.squares += own.squares;
        sums.broken += own.broken;
    }
    return sums;
}

// How many norms are outliers, and how many are near the limit.
fn counts_of(base: u32, first: u32, step: u32, median: f32, limit: f32) -> vec2<u32> {
    var beyond = vec4<u32>(0u);
    var near = vec4<u32>(0u);
    for (var quad = first; quad < (params.cols + 3u) / 4u; quad += step) {
        let distance = abs(bitcast<vec4<f32>>(norms[base + quad]) - median);
        let is_inside = inside(quad);
        beyond += vec4<u32>(is_inside & (distance > vec4<f32>(limit)));
        near += vec4<u32>(is_inside & (abs(distance - limit) < vec4<f32>(NEAR * limit)));
    }
    return vec2<u32>(total4_u32(beyond), total4_u32(near));
}

// Of the sums of the distances to the median and of their squares. The mean lies within a deviation of the
// median, so that the difference costs one bit at most.
fn deviation_of(distances: f32, squares: f32) -> f32 {
    let count = f32(params.cols);
    return sqrt(max(squares - distances * (distances / count), 0.0) / (count - 1.0));
}

var<workgroup> histogram: array<atomic<u32>, 256>;
// Sums of 16 bins each.
var<workgroup> coarse: array<u32, 16>;
var<workgroup> chosen: vec2<u32>;

// Counts the next eight bits of a norm, below `shift`, where those above are `prefix`.
fn count_digit(bits: u32, shift: u32, prefix: u32, is_inside: bool) {
    if is_inside && (shift == 32u || bits >> (shift % 32u) == prefix) {
        atomicAdd(&histogram[(bits >> (shift - 8u)) & 255u], 1u);
    }
}

// The bin in which the value of this rank is, and how many are in the bins below it.
fn bin_of(rank: u32) -> vec2<u32> {
    var below = 0u;
    var group = 0u;
    while group < 15u && below + coarse[group] <= rank {
        below += coarse[group];
        group++;
    }
    var bin = group * 16u;
    loop {
        let count = atomicLoad(&histogram[bin]);
        if below + count > rank || bin == group * 16u + 15u {
            break;
        }
        below += count;
        bin++;
    }
    return vec2<u32>(bin, below);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.x;
    let base = row * (params.stride / 4u);
    let quads = (params.cols + 3u) / 4u;
    var prefix = 0u;
    var rank = (params.cols - 1u) / 2u;
    for (var shift = 32u; shift > 0u; shift -= 8u) {
        atomicStore(&histogram[local], 0u);
        workgroupBarrier();
        for (var quad = local; quad < quads; quad += 256u) {
            let bits = norms[base + quad];
            let is_inside = inside(quad);
            count_digit(bits.x, shift, prefix, is_inside.x);
            count_digit(bits.y, shift, prefix, is_inside.y);
            count_digit(bits.z, shift, prefix, is_inside.z);
            count_digit(bits.w, shift, prefix, is_inside.w);
        }
        workgroupBarrier();
        if local < 16u {
            var count = 0u;
            for (var bin = 0u; bin < 16u; bin++) {
                count += atomicLoad(&histogram[local * 16u + bin]);
            }
            coarse[local] = count;
        }
        workgroupBarrier();
        if local == 0u {
            chosen = bin_of(rank);
        }
        workgroupBarrier();
        prefix = (prefix << 8u) | chosen.x;
        rank -= chosen.y;
    }
    let median = bitcast<f32>(prefix);
    let own = sums_of(base, local, 256u, median);
    // The mean by way of the median: only small distances are summed.
    let distances = row_sum(local, total4(own.distances));
    let deviation = deviation_of(distances, row_sum(local, total4(own.squares)));
    let broken = row_sum_u32(local, total4_u32(own.broken));
    let own_counts = counts_of(base, local, 256u, median, SIGMAS * deviation);
    let counts = vec2<u32>(row_sum_u32(local, own_counts.x), row_sum_u32(local, own_counts.y));
    if local == 0u {
        store(row, median + distances / f32(params.cols), deviation, prefix, counts, broken);
    }
}
