// Sums and maxima within a workgroup of 64 invocations.

var<workgroup> partials: array<f32, 64>;

// The sum of `value` over all invocations, given to each. Ends with a barrier, so that it can be
// called again.
fn workgroup_sum(local: u32, value: f32) -> f32 {
    partials[local] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if local < half {
            partials[local] += partials[local + half];
        }
        workgroupBarrier();
    }
    let total = partials[0];
    workgroupBarrier();
    return total;
}

// The largest `value` of all invocations, given to each. Ends with a barrier, so that it can be
// called again.
fn workgroup_max(local: u32, value: f32) -> f32 {
    partials[local] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if local < half {
            partials[local] = max(partials[local], partials[local + half]);
        }
        workgroupBarrier();
    }
    let largest = partials[0];
    workgroupBarrier();
    return largest;
}
