// How a weight matrix `b` of floats is read: kernels ask for four or eight elements of a row and get f32.
// Types in blocks have blocks.wgsl, which reads all.
//
// Dtype codes: see dtype.wgsl.

import package::common::dtype::unpack_16;
import package::common::keep::keep;
import package::common::stored::Eight;

// Elements 4 * group to 4 * group + 3 of the row that begins at `row`, in units of 16 bytes.
fn weights4(dtype: u32, row: u32, group: u32) -> vec4<f32> {
    if dtype == 0u {
        return bitcast<vec4<f32>>(b[row + group]);
    }
    let packed = b[row + group / 2u];
    return unpack_16(dtype, select(packed.xy, packed.zw, (group & 1u) == 1u));
}

// Eight elements of the row that begins at `row`, from element `k` on, a multiple of 8. Elements beyond
// the group of `last` are of no meaning, but never read from beyond the row.
fn weights8(dtype: u32, row: u32, k: u32, last: u32) -> Eight {
    if dtype == 0u {
        let quad = k / 4u;
        return Eight(
            bitcast<vec4<f32>>(b[row + min(quad, last / 4u)]),
            bitcast<vec4<f32>>(b[row + min(quad + 1u, last / 4u)]),
        );
    }
    let packed = b[row + min(k, last) / 8u];
    return Eight(unpack_16(dtype, packed.xy), unpack_16(dtype, packed.zw));
}

// Zeroes what lies beyond the first `valid` of eight elements.
fn keep8(value: Eight, valid: u32) -> Eight {
    if valid >= 8u {
        return value;
    }
    return Eight(keep(value.low, valid), keep(value.high, max(valid, 4u) - 4u));
}
