// Sums within a workgroup of 64 invocations.

var<workgroup> partial_sums: array<f32, 64>;

// The sum of `value` over all invocations, given to each. Ends with a barrier, so that it can be
// called again.
fn workgroup_sum(local: u32, value: f32) -> f32 {
    partial_sums[local] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if local < half {
            partial_sums[local] += partial_sums[local + half];
        }
        workgroupBarrier();
    }
    let total = partial_sums[0];
    workgroupBarrier();
    return total;
}
