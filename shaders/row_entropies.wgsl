// The entropy of the softmax of each row, in nats, as a column: with z the logits less the largest,
//
//     out[row] = log sum e^z - (sum z e^z) / (sum e^z)
//
// Logits that are not finite never count; a row without others gives 0.
//
// A row to a workgroup, on every adapter: llvmpipe ends an invocation's loops after 65535 turns altogether.

import package::common::reduce::workgroup_max;
import package::common::reduce::workgroup_sum;

// The most negative finite f32.
const LOWEST: f32 = -3.4028234e38;
// Logits that are added up before the sum joins the others, to keep rounding small.
const BLOCK: u32 = 64u;
const LANES: u32 = 64u;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    out_stride: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// Told by the bits, for a compiler may take it that there are no NaN.
fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * 32768u + group.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var own = LOWEST;
    for (var column = local; column < params.cols; column += LANES) {
        let value = logits[base + column];
        if is_finite(value) {
            own = max(own, value);
        }
    }
    let highest = workgroup_max(local, own);
    var total = 0.0;
    var moment = 0.0;
    for (var first = local; first < params.cols; first += BLOCK * LANES) {
        let end = min(first + BLOCK * LANES, params.cols);
        var weights = 0.0;
        var moments = 0.0;
        for (var column = first; column < end; column += LANES) {
            let value = logits[base + column];
            if is_finite(value) {
                let z = value - highest;
                // Far below, where e^z is 0, z may be as large as it likes.
                let weight = exp(max(z, -200.0));
                weights += weight;
                moments += max(z, -200.0) * weight;
            }
        }
        total += weights;
        moment += moments;
    }
    let all = workgroup_sum(local, total);
    let mean = workgroup_sum(local, moment) / max(all, 1.0);
    if local == 0u {
        // The largest itself has e^0, so that a sum is never below 1.
        out[row * params.out_stride] = select(0.0, max(log(max(all, 1.0)) - mean, 0.0), all > 0.0);
    }
}
