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

var<workgroup> partials4: array<vec4<f32>, 64>;

// As workgroup_sum, of four values at once.
fn workgroup_sum4(local: u32, value: vec4<f32>) -> vec4<f32> {
    partials4[local] = value;
    workgroupBarrier();
    for (var half = 32u; half > 0u; half /= 2u) {
        if local < half {
            partials4[local] += partials4[local + half];
        }
        workgroupBarrier();
    }
    let total = partials4[0];
    workgroupBarrier();
    return total;
}
