// Reductions of u32 within a workgroup of 64 invocations.

var<workgroup> partial_counts: array<u32, 64>;

// The largest `value` of all invocations, given to each. Ends with a barrier, so that it can be
// called again.
fn workgroup_max_u32(local: u32, value: u32) -> u32 {
    partial_counts[local] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if local < half {
            partial_counts[local] = max(partial_counts[local], partial_counts[local + half]);
        }
        workgroupBarrier();
    }
    let largest = partial_counts[0];
    workgroupBarrier();
    return largest;
}

// The sum of `value` over all invocations, given to each. Ends with a barrier, so that it can be
// called again.
fn workgroup_sum_u32(local: u32, value: u32) -> u32 {
    partial_counts[local] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if local < half {
            partial_counts[local] += partial_counts[local + half];
        }
        workgroupBarrier();
    }
    let total = partial_counts[0];
    workgroupBarrier();
    return total;
}
