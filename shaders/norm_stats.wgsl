// Statistics of rows of token norms (the bits of f32, none negative): eight values per row,
//   0 mean, 1 standard deviation (unbiased), 2 lower median, 3 number of outliers,
//   4 number of norms that are not finite, 5 power of two that brings the median into [1, 2),
//   6 distance to the median beyond which a norm is an outlier, 7 unused.
//
// The median is found digit by digit: bits of floats that are not negative sort as the floats do.
// `tiled` gives a row to a workgroup, `direct` to an invocation.

import package::common::opaque::opaque;
import package::common::reduce::workgroup_sum;
import package::common::reduce_u32::workgroup_sum_u32;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    zero: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> norms: array<u32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;

const INFINITY: u32 = 0x7f800000u;
// Standard deviations from the median at which a norm becomes an outlier.
const SIGMAS: f32 = 3.0;
const BLOCK: u32 = 32u;

// Power of two whose product with a norm of these bits lies in [1, 2), as far as f32 reaches.
fn unit_scale(bits: u32) -> f32 {
    return bitcast<f32>((254u << 23u) - clamp(bits & INFINITY, 27u << 23u, 227u << 23u));
}

fn store(row: u32, mean: f32, deviation: f32, median: u32, outliers: u32, broken: u32) {
    let base = row * 8u;
    stats[base] = mean;
    stats[base + 1u] = deviation;
    stats[base + 2u] = bitcast<f32>(median);
    stats[base + 3u] = f32(outliers);
    stats[base + 4u] = f32(broken);
    stats[base + 5u] = unit_scale(select(median, bitcast<u32>(mean), median == 0u));
    stats[base + 6u] = SIGMAS * deviation;
    stats[base + 7u] = 0.0;
}

// Sums over the columns from `first` on in steps of `step`: of the distances to `center` or of their
// squares. In blocks, which keeps the rounding of a long sum small.
fn distances(base: u32, first: u32, step: u32, center: f32, squared: bool) -> f32 {
    var total = 0.0;
    for (var block = first; block < params.cols; block += BLOCK * step) {
        var sum = 0.0;
        for (var col = block; col < min(block + BLOCK * step, params.cols); col += step) {
            let distance = opaque(bitcast<f32>(norms[base + col]) - center, params.zero);
            sum += select(distance, distance * distance, squared);
        }
        total += sum;
    }
    return total;
}

fn outliers_of(base: u32, first: u32, step: u32, median: f32, limit: f32) -> u32 {
    var count = 0u;
    for (var col = first; col < params.cols; col += step) {
        count += u32(abs(bitcast<f32>(norms[base + col]) - median) > limit);
    }
    return count;
}

fn broken_of(base: u32, first: u32, step: u32) -> u32 {
    var count = 0u;
    for (var col = first; col < params.cols; col += step) {
        count += u32(norms[base + col] >= INFINITY);
    }
    return count;
}

var<workgroup> histogram: array<atomic<u32>, 256>;
var<workgroup> chosen: vec2<u32>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.x;
    let base = row * params.stride;
    var prefix = 0u;
    var rank = (params.cols - 1u) / 2u;
    for (var shift = 32u; shift > 0u; shift -= 8u) {
        for (var bin = local; bin < 256u; bin += 64u) {
            atomicStore(&histogram[bin], 0u);
        }
        workgroupBarrier();
        for (var col = local; col < params.cols; col += 64u) {
            let bits = norms[base + col];
            if shift == 32u || bits >> (shift % 32u) == prefix {
                atomicAdd(&histogram[(bits >> (shift - 8u)) & 255u], 1u);
            }
        }
        workgroupBarrier();
        if local == 0u {
            var below = 0u;
            var bin = 0u;
            loop {
                let count = atomicLoad(&histogram[bin]);
                if below + count > rank || bin == 255u {
                    break;
                }
                below += count;
                bin++;
            }
            chosen = vec2<u32>(bin, below);
        }
        workgroupBarrier();
        prefix = (prefix << 8u) | chosen.x;
        rank -= chosen.y;
        workgroupBarrier();
    }
    let median = bitcast<f32>(prefix);
    let count = f32(params.cols);
    // The mean by way of the median: only small distances are summed.
    let mean = median + workgroup_sum(local, distances(base, local, 64u, median, false)) / count;
    let squares = workgroup_sum(local, distances(base, local, 64u, mean, true));
    let deviation = sqrt(squares / (count - 1.0));
    let outliers = workgroup_sum_u32(local, outliers_of(base, local, 64u, median, SIGMAS * deviation));
    let broken = workgroup_sum_u32(local, broken_of(base, local, 64u));
    if local == 0u {
        store(row, mean, deviation, prefix, outliers, broken);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var prefix = 0u;
    var rank = (params.cols - 1u) / 2u;
    for (var shift = 32u; shift > 0u; shift -= 8u) {
        var counts = array<u32, 256>();
        for (var col = 0u; col < params.cols; col++) {
            let bits = norms[base + col];
            if shift == 32u || bits >> (shift % 32u) == prefix {
                counts[(bits >> (shift - 8u)) & 255u]++;
            }
        }
        var below = 0u;
        var bin = 0u;
        while bin < 255u && below + counts[bin] <= rank {
            below += counts[bin];
            bin++;
        }
        prefix = (prefix << 8u) | bin;
        rank -= below;
    }
    let median = bitcast<f32>(prefix);
    let count = f32(params.cols);
    let mean = median + distances(base, 0u, 1u, median, false) / count;
    let deviation = sqrt(distances(base, 0u, 1u, mean, true) / (count - 1.0));
    let outliers = outliers_of(base, 0u, 1u, median, SIGMAS * deviation);
    store(row, mean, deviation, prefix, outliers, broken_of(base, 0u, 1u));
}
