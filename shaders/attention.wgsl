// out = softmax(scale * q . k^T) . v for each head, with an online softmax: scores are never stored
// in device memory. Grouped queries: head h reads key/value head h / (heads / kv_heads).
//
// q and out [queries, heads * head_dim], k and v [keys, kv_heads * head_dim]. One call of an entry
// point computes up to 64 columns of a head; wider heads compute their scores once per 64 columns.
// `tiled`: a workgroup takes 32 queries and goes through the keys in tiles of 32. `direct`: an
// invocation takes one query and goes through the keys four at a time, without barriers; `direct4`
// does the same where heads are whole groups of four elements.

override CAUSAL: bool = false;

struct Params {
    queries: u32,
    keys: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    q_stride: u32,
    kv_stride: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> out: array<f32>;

const COLUMNS: u32 = 64u;
// Smaller than any score, larger than minus infinity, whose differences are NaN.
const LOWEST: f32 = -3.0e38;

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let query = id.x;
    if query >= params.queries {
        return;
    }
    let head = id.y;
    let first_col = id.z * COLUMNS;
    let columns = min(COLUMNS, params.head_dim - first_col);
    let q_base = query * params.q_stride + head * params.head_dim;
    let kv_base = (head / (params.heads / params.kv_heads)) * params.head_dim;
    let keys = select(params.keys, query + 1u, CAUSAL);
    var sums = array<f32, COLUMNS>();
    for (var c = 0u; c < columns; c++) {
        sums[c] = 0.0;
    }
    var highest = LOWEST;
    var total = 0.0;
    for (var key = 0u; key < keys; key += 4u) {
        // Rows past the end repeat the last one and get weight 0.
        let rows = min(vec4<u32>(key, key + 1u, key + 2u, key + 3u), vec4<u32>(keys - 1u)) * params.kv_stride
            + vec4<u32>(kv_base);
        var scores = vec4<f32>(0.0);
        for (var c = 0u; c < params.head_dim; c++) {
            scores += q[q_base + c]
                * vec4<f32>(k[rows.x + c], k[rows.y + c], k[rows.z + c], k[rows.w + c]);
        }
        scores = select(
            vec4<f32>(LOWEST), scores * params.scale,
            vec4<u32>(key, key + 1u, key + 2u, key + 3u) < vec4<u32>(keys),
        );
        let peak = max(highest, max(max(scores.x, scores.y), max(scores.z, scores.w)));
        let shrink = exp(highest - peak);
        let weights = exp(scores - vec4<f32>(peak));
        highest = peak;
        total = total * shrink + dot(weights, vec4<f32>(1.0));
        for (var c = 0u; c < columns; c++) {
            let col = first_col + c;
            let values = vec4<f32>(v[rows.x + col], v[rows.y + col], v[rows.z + col], v[rows.w + col]);
            sums[c] = sums[c] * shrink + dot(weights, values);
        }
    }
    for (var c = 0u; c < columns; c++) {
        out[q_base + first_col + c] = sums[c] / total;
    }
}

@group(0) @binding(1) var<storage, read> q4: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k4: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v4: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out4: array<vec4<f32>>;

@compute @workgroup_size(64)
fn direct4(@builtin(global_invocation_id) id: vec3<u32>) {
    let query = id.x;
    if query >= params.queries {
        return;
    }
    let head = id.y;
    let width = params.head_dim / 4u;
    let first_col = id.z * (COLUMNS / 4u);
    let columns = min(COLUMNS / 4u, width - first_col);
    let q_base = query * (params.q_stride / 4u) + head * width;
    let kv_base = (head / (params.heads / params.kv_heads)) * width;
    let keys = select(params.keys, query + 1u, CAUSAL);
    var sums = array<vec4<f32>, COLUMNS / 4u>();
    for (var c = 0u; c < columns; c++) {
        sums[c] = vec4<f32>(0.0);
    }
    var highest = LOWEST;
    var total = 0.0;
    for (var key = 0u; key < keys; key += 4u) {
        let indices = vec4<u32>(key, key + 1u, key + 2u, key + 3u);
        // Rows past the end repeat the last one and get weight 0.
        let rows = min(indices, vec4<u32>(keys - 1u)) * (params.kv_stride / 4u) + vec4<u32>(kv_base);
        var scores = vec4<f32>(0.0);
        for (var c = 0u; c < width; c++) {
            let x = q4[q_base + c];
            scores += vec4<f32>(
                dot(x, k4[rows.x + c]), dot(x, k4[rows.y + c]),
                dot(x, k4[rows.z + c]), dot(x, k4[rows.w + c]),
            );
        }
        scores = select(vec4<f32>(LOWEST), scores * params.scale, indices < vec4<u32>(keys));
        let peak = max(highest, max(max(scores.x, scores.y), max(scores.z, scores.w)));
        let shrink = exp(highest - peak);
        let weights = exp(scores - vec4<f32>(peak));
        highest = peak;
        total = total * shrink + dot(weights, vec4<f32>(1.0));
        for (var c = 0u; c < columns; c++) {
            let col = first_col + c;
            sums[c] = sums[c] * shrink + weights.x * v4[rows.x + col] + weights.y * v4[rows.y + col]
                + weights.z * v4[rows.z + col] + weights.w * v4[rows.w + col];
        }
    }
    for (var c = 0u; c < columns; c++) {
        out4[q_base + first_col + c] = sums[c] / total;
    }
}

const ROWS: u32 = 32u;
const KEYS: u32 = 32u;
const DEPTH: u32 = 32u;
// Rows of tiles are one element longer than needed: columns lie in different banks.
const PITCH: u32 = 33u;

// Queries and keys of one slice of the head while scores are computed, then values [KEYS, COLUMNS].
var<workgroup> tile: array<f32, 2u * ROWS * PITCH>;
var<workgroup> weights_tile: array<f32, ROWS * PITCH>;
// One partial result per row and group of eight invocations.
var<workgroup> row_partial: array<f32, ROWS * 8u>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let first_query = group.x * ROWS;
    let head = group.y;
    let first_col = group.z * COLUMNS;
    let q_base = head * params.head_dim;
    let kv_base = (head / (params.heads / params.kv_heads)) * params.head_dim;
    // An invocation owns four rows, and four keys of a tile or eight columns of the result.
    let row = (local / 8u) * 4u;
    let lane = local % 8u;
    var sums = array<vec4<f32>, 8>();
    var highest = vec4<f32>(LOWEST);
    var total = vec4<f32>(0.0);
    let last_query = min(first_query + ROWS, params.queries);
    let keys = select(params.keys, last_query, CAUSAL);
    for (var key = 0u; key < keys; key += KEYS) {
        var scores = array<vec4<f32>, 4>();
        for (var depth = 0u; depth < params.head_dim; depth += DEPTH) {
            for (var slot = local; slot < ROWS * DEPTH; slot += 64u) {
                let line = slot / DEPTH;
                let c = depth + slot % DEPTH;
                var q_value = 0.0;
                var k_value = 0.0;
                if c < params.head_dim {
                    if first_query + line < params.queries {
                        q_value = q[(first_query + line) * params.q_stride + q_base + c];
                    }
                    if key + line < params.keys {
                        k_value = k[(key + line) * params.kv_stride + kv_base + c];
                    }
                }
                tile[line * PITCH + slot % DEPTH] = q_value;
                tile[ROWS * PITCH + line * PITCH + slot % DEPTH] = k_value;
            }
            workgroupBarrier();
            for (var c = 0u; c < DEPTH; c++) {
                let k_values = vec4<f32>(
                    tile[ROWS * PITCH + lane * PITCH + c],
                    tile[ROWS * PITCH + (lane + 8u) * PITCH + c],
                    tile[ROWS * PITCH + (lane + 16u) * PITCH + c],
                    tile[ROWS * PITCH + (lane + 24u) * PITCH + c],
                );
                for (var i = 0u; i < 4u; i++) {
                    scores[i] += tile[(row + i) * PITCH + c] * k_values;
                }
            }
            workgroupBarrier();
        }
        let own_keys = vec4<u32>(key + lane) + vec4<u32>(0u, 8u, 16u, 24u);
        for (var i = 0u; i < 4u; i++) {
            var limit = params.keys;
            if CAUSAL {
                limit = min(limit, first_query + row + i + 1u);
            }
            scores[i] = select(vec4<f32>(LOWEST), scores[i] * params.scale, own_keys < vec4<u32>(limit));
            row_partial[(row + i) * 8u + lane] =
                max(max(scores[i].x, scores[i].y), max(scores[i].z, scores[i].w));
        }
        workgroupBarrier();
        var peak = highest;
        for (var i = 0u; i < 4u; i++) {
            for (var j = 0u; j < 8u; j++) {
                peak[i] = max(peak[i], row_partial[(row + i) * 8u + j]);
            }
        }
        let shrink = exp(highest - peak);
        highest = peak;
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            // Where a whole row is masked the difference is 0: force the weight to 0.
            let weights = select(
                vec4<f32>(0.0), exp(scores[i] - vec4<f32>(peak[i])),
                scores[i] > vec4<f32>(LOWEST),
            );
            row_partial[(row + i) * 8u + lane] = dot(weights, vec4<f32>(1.0));
            let base = (row + i) * PITCH + lane;
            weights_tile[base] = weights.x;
            weights_tile[base + 8u] = weights.y;
            weights_tile[base + 16u] = weights.z;
            weights_tile[base + 24u] = weights.w;
        }
        for (var slot = local; slot < KEYS * COLUMNS; slot += 64u) {
            let line = slot / COLUMNS;
            let col = first_col + slot % COLUMNS;
            var value = 0.0;
            if key + line < params.keys && col < params.head_dim {
                value = v[(key + line) * params.kv_stride + kv_base + col];
            }
            tile[slot] = value;
        }
        workgroupBarrier();
        for (var i = 0u; i < 4u; i++) {
            var row_total = 0.0;
            for (var j = 0u; j < 8u; j++) {
                row_total += row_partial[(row + i) * 8u + j];
            }
            total[i] = total[i] * shrink[i] + row_total;
            sums[2u * i] *= shrink[i];
            sums[2u * i + 1u] *= shrink[i];
        }
        for (var j = 0u; j < KEYS; j++) {
            let base = j * COLUMNS + lane;
            let low = vec4<f32>(tile[base], tile[base + 8u], tile[base + 16u], tile[base + 24u]);
            let high = vec4<f32>(tile[base + 32u], tile[base + 40u], tile[base + 48u], tile[base + 56u]);
            for (var i = 0u; i < 4u; i++) {
                let weight = weights_tile[(row + i) * PITCH + j];
                sums[2u * i] += weight * low;
                sums[2u * i + 1u] += weight * high;
            }
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < 4u; i++) {
        let query = first_query + row + i;
        if query >= params.queries {
            continue;
        }
        for (var c = 0u; c < 4u; c++) {
            let col = first_col + lane + 8u * c;
            if col < params.head_dim {
                out[query * params.q_stride + q_base + col] = sums[2u * i][c] / total[i];
            }
            if col + 32u < params.head_dim {
                out[query * params.q_stride + q_base + col + 32u] = sums[2u * i + 1u][c] / total[i];
            }
        }
    }
}
