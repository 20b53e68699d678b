// How the weight matrix `b` of a product is read: the one place that knows how weights are stored.
// A storage type is added here; kernels ask for four or eight elements of a row and get f32.
//
// Rows begin at multiples of 16 bytes. Dtype codes: see dtype.wgsl.

import package::common::dtype::unpack_16;

@group(0) @binding(2) var<storage, read> b: array<vec4<u32>>;

// Eight neighbouring elements of a row.
struct Eight {
    low: vec4<f32>,
    high: vec4<f32>,
}

// Zeroes what lies beyond the first `valid` elements: padding may hold anything, even NaN.
fn keep(value: vec4<f32>, valid: u32) -> vec4<f32> {
    return select(vec4<f32>(0.0), value, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(valid));
}

// Elements 4 * group to 4 * group + 3 of the row that begins at `row`, in units of 16 bytes.
fn weights4(dtype: u32, row: u32, group: u32) -> vec4<f32> {
    if dtype == 0u {
        return bitcast<vec4<f32>>(b[row + group]);
    }
    let packed = b[row + group / 2u];
    return unpack_16(dtype, select(packed.xy, packed.zw, (group & 1u) == 1u));
}

// Elements 8 * group to 8 * group + 7 of the row that begins at `row`; 0 from element `valid` on,
// which counts from the first of the eight and is not 0.
fn weights8(dtype: u32, row: u32, group: u32, valid: u32) -> Eight {
    var eight: Eight;
    if dtype == 0u {
        let index = row + 2u * group;
        eight.low = bitcast<vec4<f32>>(b[index]);
        // A row may end after four: what follows belongs to another one, or to nothing.
        eight.high = bitcast<vec4<f32>>(b[select(index, index + 1u, valid > 4u)]);
    } else {
        let packed = b[row + group];
        eight.low = unpack_16(dtype, packed.xy);
        eight.high = unpack_16(dtype, packed.zw);
    }
    if valid < 8u {
        eight.low = keep(eight.low, valid);
        eight.high = keep(eight.high, max(valid, 4u) - 4u);
    }
    return eight;
}
