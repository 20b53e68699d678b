// out[col] = lower median of the column over all rows of x; nothing where the statistics of the
// row norms (see norm_stats) count no outlier.
//
// Found digit by digit on bits that sort as the floats do. `tiled` gives eight columns to a
// workgroup, with a histogram of 256 bins each; `direct` gives a column to an invocation, with 16.

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    // First element of the layer's statistics.
    stats_start: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

// Negative floats sort backwards: all their bits flip, of the others only the sign.
fn sortable(bits: u32) -> u32 {
    return bits ^ select(0x80000000u, 0xffffffffu, bits >> 31u == 1u);
}

fn unsortable(key: u32) -> u32 {
    return key ^ select(0xffffffffu, 0x80000000u, key >> 31u == 1u);
}

const COLUMNS: u32 = 8u;
const LANES: u32 = 32u;

var<workgroup> histogram: array<atomic<u32>, 2048>;
var<workgroup> prefixes: array<u32, COLUMNS>;
var<workgroup> ranks: array<u32, COLUMNS>;

@compute @workgroup_size(256)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    if stats[params.stats_start + 3u] == 0.0 {
        return;
    }
    let own = local % COLUMNS;
    let lane = local / COLUMNS;
    let col = group.x * COLUMNS + own;
    if lane == 0u {
        prefixes[own] = 0u;
        ranks[own] = (params.rows - 1u) / 2u;
    }
    for (var shift = 32u; shift > 0u; shift -= 8u) {
        for (var bin = local; bin < 256u * COLUMNS; bin += 256u) {
            atomicStore(&histogram[bin], 0u);
        }
        workgroupBarrier();
        let prefix = prefixes[own];
        if col < params.cols {
            for (var row = lane; row < params.rows; row += LANES) {
                let key = sortable(x[row * params.stride + col]);
                if shift == 32u || key >> (shift % 32u) == prefix {
                    atomicAdd(&histogram[own * 256u + ((key >> (shift - 8u)) & 255u)], 1u);
                }
            }
        }
        workgroupBarrier();
        if lane == 0u {
            var below = 0u;
            var bin = 0u;
            loop {
                let count = atomicLoad(&histogram[own * 256u + bin]);
                if below + count > ranks[own] || bin == 255u {
                    break;
                }
                below += count;
                bin++;
            }
            prefixes[own] = (prefix << 8u) | bin;
            ranks[own] -= below;
        }
        workgroupBarrier();
    }
    if lane == 0u && col < params.cols {
        out[col] = unsortable(prefixes[own]);
    }
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let col = id.x;
    if col >= params.cols || stats[params.stats_start + 3u] == 0.0 {
        return;
    }
    var prefix = 0u;
    var rank = (params.rows - 1u) / 2u;
    for (var shift = 32u; shift > 0u; shift -= 4u) {
        var counts = array<u32, 16>();
        for (var row = 0u; row < params.rows; row++) {
            let key = sortable(x[row * params.stride + col]);
            if shift == 32u || key >> (shift % 32u) == prefix {
                counts[(key >> (shift - 4u)) & 15u]++;
            }
        }
        var below = 0u;
        var bin = 0u;
        while bin < 15u && below + counts[bin] <= rank {
            below += counts[bin];
            bin++;
        }
        prefix = (prefix << 4u) | bin;
        rank -= below;
    }
    out[col] = unsortable(prefix);
}
