// Maxima and sums over the lanes of a row, as in rows.wgsl, of u32.

import package::common::rows::LANES;
import package::common::rows::SIDE;

var<workgroup> part_counts: array<u32, 256>;
var<workgroup> joined_counts: array<u32, 64>;

// The largest `value` over the lanes of a row, given to each. Can be called again at once.
fn row_max_u32(local: u32, value: u32) -> u32 {
    part_counts[local] = value;
    workgroupBarrier();
    let lane = local % LANES;
    let first = local - lane;
    if lane < SIDE {
        var largest = 0u;
        for (var other = lane; other < LANES; other += SIDE) {
            largest = max(largest, part_counts[first + other]);
        }
        joined_counts[first / SIDE + lane] = largest;
    }
    workgroupBarrier();
    var all = 0u;
    for (var part = 0u; part < SIDE; part++) {
        all = max(all, joined_counts[first / SIDE + part]);
    }
    return all;
}

// The sum of `value` over the lanes of a row, given to each. Can be called again at once.
fn row_sum_u32(local: u32, value: u32) -> u32 {
    part_counts[local] = value;
    workgroupBarrier();
    let lane = local % LANES;
    let first = local - lane;
    if lane < SIDE {
        var sum = 0u;
        for (var other = lane; other < LANES; other += SIDE) {
            sum += part_counts[first + other];
        }
        joined_counts[first / SIDE + lane] = sum;
    }
    workgroupBarrier();
    var total = 0u;
    for (var part = 0u; part < SIDE; part++) {
        total += joined_counts[first / SIDE + part];
    }
    return total;
}
