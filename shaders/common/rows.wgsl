// Rows in a workgroup of 256 invocations: LANES of them share a row, 256 / LANES rows share the workgroup.

// The square root of LANES: 4, 8 or 16. So many values are joined at a time.
override SIDE: u32 = 16u;
override LANES: u32 = SIDE * SIDE;

// The row of an invocation, which may lie beyond the last: barriers are for all of a workgroup.
fn row_of(group: vec3<u32>, local: u32) -> u32 {
    return (group.y * 32768u + group.x) * (256u / LANES) + local / LANES;
}

var<workgroup> parts: array<f32, 256>;
var<workgroup> sums: array<f32, 64>;

// The sum of `value` over the lanes of a row, given to each. Can be called again at once: what one call
// reads last, the next writes behind a barrier.
fn row_sum(local: u32, value: f32) -> f32 {
    parts[local] = value;
    workgroupBarrier();
    let lane = local % LANES;
    let first = local - lane;
    if lane < SIDE {
        var sum = 0.0;
        for (var other = lane; other < LANES; other += SIDE) {
            sum += parts[first + other];
        }
        sums[first / SIDE + lane] = sum;
    }
    workgroupBarrier();
    var total = 0.0;
    for (var part = 0u; part < SIDE; part++) {
        total += sums[first / SIDE + part];
    }
    return total;
}
