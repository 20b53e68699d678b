// out = softmax(scale * q . k^T) . v for each head, with an online softmax: scores are never stored
// in device memory. Each query sees one interval of keys, as data: that says full, causal, prefix,
// sliding window, segments. Grouped queries: head h reads key/value head h / (heads / kv_heads).
//
// q and out [queries, heads * head_dim], k and v [keys, kv_heads * head_dim]. `intervals` holds the
// first key and the end of each query, then for each block of 32 queries the least first and the
// greatest end, the greatest first and the least end. A query without keys gets 0.
//
// A workgroup takes QUERIES queries and goes through the keys in tiles of 64; one call computes up to
// 128 columns of a head. Software adapters have `attention_direct`.

import package::common::block::Block;
import package::common::block::add;
import package::common::block::block;
import package::common::softmax::LOWEST;
import package::common::softmax::largest;
import package::common::softmax::shifted;
import package::common::softmax::weights;
import package::common::tile::Rows;
import package::common::tile::place;
import package::common::total::total4;

// Whether heads begin at multiples of four elements.
override ALIGNED: bool = true;
// Queries of a workgroup of `tiled`: 64 or 32, with twice as many invocations.
override QUERIES: u32 = 64u;
// Whether a head has more than 64 columns in this call.
override WIDE: bool = false;

struct Params {
    queries: u32,
    keys: u32,
    heads: u32,
    kv_heads: u32,
    head_dim: u32,
    q_stride: u32,
    kv_stride: u32,
    scale: f32,
    // The first query and head of this call; the query is a multiple of those of a workgroup.
    first_query: u32,
    first_head: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> intervals: array<vec2<u32>>;
@group(0) @binding(5) var<storage, read_write> out: array<f32>;

// Elements `index` to `index + 3`; what stands beyond the array's end is of no meaning.
fn q4(index: u32) -> vec4<f32> {
    if ALIGNED {
        return q[index / 4u];
    }
    let last = arrayLength(&q) - 1u;
    return shifted(q[index / 4u], q[min(index / 4u + 1u, last)], index % 4u);
}

fn k4(index: u32) -> vec4<f32> {
    if ALIGNED {
        return k[index / 4u];
    }
    let last = arrayLength(&k) - 1u;
    return shifted(k[index / 4u], k[min(index / 4u + 1u, last)], index % 4u);
}

fn v4(index: u32) -> vec4<f32> {
    if ALIGNED {
        return v[index / 4u];
    }
    let last = arrayLength(&v) - 1u;
    return shifted(v[index / 4u], v[min(index / 4u + 1u, last)], index % 4u);
}

// Zeroes what lies beyond the first `valid` elements; aligned heads are whole groups of four.
fn keep(value: vec4<f32>, valid: u32) -> vec4<f32> {
    if ALIGNED {
        return value;
    }
    return select(vec4<f32>(0.0), value, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(valid));
}

fn write(index: u32, value: vec4<f32>, count: u32) {
    out[index] = value.x;
    if count > 1u {
        out[index + 1u] = value.y;
    }
    if count > 2u {
        out[index + 2u] = value.z;
    }
    if count > 3u {
        out[index + 3u] = value.w;
    }
}

// Workgroup memory, in turn: queries and keys, 32 elements deep, eight quads per row that stand at
// quad ^ (row % 8) against bank conflicts; the greatest scores of each row, one per 16 invocations;
// the weights, 16 quads per row, and behind them values [32 keys, 64 columns].
override SLOTS: u32 = 1536u;
var<workgroup> tile: array<vec4<f32>, SLOTS>;

// Key of the tile that stands in row `row` of the keys: an invocation reads every 16th row, and owns four
// neighbouring keys.
fn key_of(row: u32) -> u32 {
    return (row % 16u) * 4u + row / 16u;
}

// Adds the products of a quad of eight queries, from `base` on, with one of four keys.
fn add_scores(sums: Rows, base: u32, key_base: u32, x: u32, quad: u32) -> Rows {
    let at = key_base + place(x, quad);
    let keys = block(tile[at], tile[at + 128u], tile[at + 256u], tile[at + 384u]);
    return Rows(
        add(sums.r0, tile[base + quad], keys),
        add(sums.r1, tile[base + 8u + (quad ^ 1u)], keys),
        add(sums.r2, tile[base + 16u + (quad ^ 2u)], keys),
        add(sums.r3, tile[base + 24u + (quad ^ 3u)], keys),
        add(sums.r4, tile[base + 32u + (quad ^ 4u)], keys),
        add(sums.r5, tile[base + 40u + (quad ^ 5u)], keys),
        add(sums.r6, tile[base + 48u + (quad ^ 6u)], keys),
        add(sums.r7, tile[base + 56u + (quad ^ 7u)], keys),
    );
}

// Adds four keys' values, weighted, to the sums of eight rows: weights from `base` on.
fn add_values(sums: Rows, base: u32, values: Block) -> Rows {
    return Rows(
        add(sums.r0, tile[base], values), add(sums.r1, tile[base + 16u], values),
        add(sums.r2, tile[base + 32u], values), add(sums.r3, tile[base + 48u], values),
        add(sums.r4, tile[base + 64u], values), add(sums.r5, tile[base + 80u], values),
        add(sums.r6, tile[base + 96u], values), add(sums.r7, tile[base + 112u], values),
    );
}

fn times(rows: Rows, low: vec4<f32>, high: vec4<f32>) -> Rows {
    return Rows(
        rows.r0 * low.x, rows.r1 * low.y, rows.r2 * low.z, rows.r3 * low.w,
        rows.r4 * high.x, rows.r5 * high.y, rows.r6 * high.z, rows.r7 * high.w,
    );
}

// Scores of four keys from `key` on, scaled; those that the query does not see become LOWEST.
fn masked(scores: vec4<f32>, key: u32, query: u32) -> vec4<f32> {
    let seen = intervals[min(query, params.queries - 1u)];
    let keys = vec4<u32>(key, key + 1u, key + 2u, key + 3u);
    return select(vec4<f32>(LOWEST), scores, (keys >= vec4<u32>(seen.x)) & (keys < vec4<u32>(seen.y)));
}

// Four columns of values, of which `valid` exist.
fn load_value(key: u32, kv_base: u32, col: u32, end: u32) -> vec4<f32> {
    if key >= end || col >= params.head_dim {
        return vec4<f32>(0.0);
    }
    return keep(v4(key * params.kv_stride + kv_base + col), params.head_dim - col);
}

fn write_row(query: u32, base: u32, col: u32, value: vec4<f32>, total: f32) {
    if query < params.queries && col < params.head_dim {
        let share = select(1.0 / total, 0.0, total == 0.0);
        write(query * params.q_stride + base + col, value * share, params.head_dim - col);
    }
}

fn write_rows(query: u32, base: u32, col: u32, rows: Rows, low: vec4<f32>, high: vec4<f32>) {
    write_row(query, base, col, rows.r0, low.x);
    write_row(query + 1u, base, col, rows.r1, low.y);
    write_row(query + 2u, base, col, rows.r2, low.z);
    write_row(query + 3u, base, col, rows.r3, low.w);
    write_row(query + 4u, base, col, rows.r4, high.x);
    write_row(query + 5u, base, col, rows.r5, high.y);
    write_row(query + 6u, base, col, rows.r6, high.z);
    write_row(query + 7u, base, col, rows.r7, high.w);
}

@compute @workgroup_size(QUERIES * 2u)
fn tiled(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    // The last queries come first: with a causal mask they see the most keys.
    let block_index = group_count.x - 1u - group.x;
    let first_query = params.first_query + block_index * QUERIES;
    let head = params.first_head + group.y;
    let first_col = group.z * 128u;
    let q_base = head * params.head_dim;
    let kv_base = (head / (params.heads / params.kv_heads)) * params.head_dim;
    // An invocation owns eight rows, and four keys of a tile or four columns (and four 64 further).
    let x = local % 16u;
    let y = local / 16u;
    let own_query = first_query + 8u * y;
    let keys_at = QUERIES * 8u;
    let values_at = QUERIES * 16u;
    let threads = QUERIES * 2u;
    // Keys that any query of the block sees, and those that all of them see.
    let bounds = params.queries + 2u * (first_query / 32u);
    var any = intervals[bounds];
    var all = intervals[bounds + 1u];
    if QUERIES == 64u && first_query + 32u < params.queries {
        any = vec2<u32>(min(any.x, intervals[bounds + 2u].x), max(any.y, intervals[bounds + 2u].y));
        all = vec2<u32>(max(all.x, intervals[bounds + 3u].x), min(all.y, intervals[bounds + 3u].y));
    }
    var low = Rows();
    var high = Rows();
    var peak_low = vec4<f32>(LOWEST);
    var peak_high = vec4<f32>(LOWEST);
    // Of the keys that this invocation owned; joined at the end.
    var total_low = vec4<f32>(0.0);
    var total_high = vec4<f32>(0.0);
    for (var key = any.x & ~3u; key < any.y; key += 64u) {
        var scores = Rows();
        for (var depth = 0u; depth < params.head_dim; depth += 32u) {
            // Queries and keys, a quad at a time; an invocation brings its share of both.
            for (var slot = local; slot < keys_at + 512u; slot += threads) {
                let is_key = slot >= keys_at;
                let line = select(slot, slot - keys_at, is_key) / 8u;
                let quad = slot % 8u;
                let c = depth + quad * 4u;
                var value = vec4<f32>(0.0);
                if c < params.head_dim {
                    if is_key {
                        let row = min(key + key_of(line), params.keys - 1u);
                        value = k4(row * params.kv_stride + kv_base + c);
                    } else {
                        let row = min(first_query + line, params.queries - 1u);
                        value = q4(row * params.q_stride + q_base + c);
                    }
                    value = keep(value, params.head_dim - c);
                }
                tile[select(0u, keys_at, is_key) + place(line, quad)] = value;
            }
            workgroupBarrier();
            let base = y * 64u;
            scores = add_scores(scores, base, keys_at, x, 0u);
            scores = add_scores(scores, base, keys_at, x, 1u);
            scores = add_scores(scores, base, keys_at, x, 2u);
            scores = add_scores(scores, base, keys_at, x, 3u);
            if depth + 16u < params.head_dim {
                scores = add_scores(scores, base, keys_at, x, 4u);
                scores = add_scores(scores, base, keys_at, x, 5u);
                scores = add_scores(scores, base, keys_at, x, 6u);
                scores = add_scores(scores, base, keys_at, x, 7u);
            }
            workgroupBarrier();
        }
        scores = times(scores, vec4<f32>(params.scale), vec4<f32>(params.scale));
        if key < all.x || key + 64u > all.y {
            let own_key = key + 4u * x;
            scores.r0 = masked(scores.r0, own_key, own_query);
            scores.r1 = masked(scores.r1, own_key, own_query + 1u);
            scores.r2 = masked(scores.r2, own_key, own_query + 2u);
            scores.r3 = masked(scores.r3, own_key, own_query + 3u);
            scores.r4 = masked(scores.r4, own_key, own_query + 4u);
            scores.r5 = masked(scores.r5, own_key, own_query + 5u);
            scores.r6 = masked(scores.r6, own_key, own_query + 6u);
            scores.r7 = masked(scores.r7, own_key, own_query + 7u);
        }
        let peaks_at = values_at + x * (QUERIES / 4u);
        tile[peaks_at + 2u * y] =
            vec4<f32>(largest(scores.r0), largest(scores.r1), largest(scores.r2), largest(scores.r3));
        tile[peaks_at + 2u * y + 1u] =
            vec4<f32>(largest(scores.r4), largest(scores.r5), largest(scores.r6), largest(scores.r7));
        workgroupBarrier();
        var next_low = peak_low;
        var next_high = peak_high;
        for (var other = 0u; other < 16u; other++) {
            let at = values_at + other * (QUERIES / 4u) + 2u * y;
            next_low = max(next_low, tile[at]);
            next_high = max(next_high, tile[at + 1u]);
        }
        let shrink_low = exp(peak_low - next_low);
        let shrink_high = exp(peak_high - next_high);
        peak_low = next_low;
        peak_high = next_high;
        scores = Rows(
            weights(scores.r0, peak_low.x), weights(scores.r1, peak_low.y),
            weights(scores.r2, peak_low.z), weights(scores.r3, peak_low.w),
            weights(scores.r4, peak_high.x), weights(scores.r5, peak_high.y),
            weights(scores.r6, peak_high.z), weights(scores.r7, peak_high.w),
        );
        total_low = total_low * shrink_low
            + vec4<f32>(total4(scores.r0), total4(scores.r1), total4(scores.r2), total4(scores.r3));
        total_high = total_high * shrink_high
            + vec4<f32>(total4(scores.r4), total4(scores.r5), total4(scores.r6), total4(scores.r7));
        let own = y * 128u;
        tile[own + x] = scores.r0;
        tile[own + 16u + x] = scores.r1;
        tile[own + 32u + x] = scores.r2;
        tile[own + 48u + x] = scores.r3;
        tile[own + 64u + x] = scores.r4;
        tile[own + 80u + x] = scores.r5;
        tile[own + 96u + x] = scores.r6;
        tile[own + 112u + x] = scores.r7;
        low = times(low, shrink_low, shrink_high);
        if WIDE {
            high = times(high, shrink_low, shrink_high);
        }
        for (var half = 0u; half < 64u; half += 32u) {
            // The barrier also ends the reading of the peaks, which stand where values come.
            workgroupBarrier();
            for (var slot = local; slot < 512u; slot += threads) {
                tile[values_at + slot] =
                    load_value(key + half + slot / 16u, kv_base, first_col + 4u * (slot % 16u), params.keys);
            }
            workgroupBarrier();
            for (var quad = 0u; quad < 8u; quad++) {
                let at = values_at + quad * 64u + x;
                let values = Block(tile[at], tile[at + 16u], tile[at + 32u], tile[at + 48u]);
                low = add_values(low, own + half / 4u + quad, values);
            }
            if WIDE {
                workgroupBarrier();
                for (var slot = local; slot < 512u; slot += threads) {
                    tile[values_at + slot] =
                        load_value(key + half + slot / 16u, kv_base, first_col + 64u + 4u * (slot % 16u), params.keys);
                }
                workgroupBarrier();
                for (var quad = 0u; quad < 8u; quad++) {
                    let at = values_at + quad * 64u + x;
                    let values = Block(tile[at], tile[at + 16u], tile[at + 32u], tile[at + 48u]);
                    high = add_values(high, own + half / 4u + quad, values);
                }
            }
        }
        workgroupBarrier();
    }
    // The rows' totals over the 16 invocations that share them.
    tile[x * (QUERIES / 4u) + 2u * y] = total_low;
    tile[x * (QUERIES / 4u) + 2u * y + 1u] = total_high;
    workgroupBarrier();
    total_low = vec4<f32>(0.0);
    total_high = vec4<f32>(0.0);
    for (var other = 0u; other < 16u; other++) {
        total_low += tile[other * (QUERIES / 4u) + 2u * y];
        total_high += tile[other * (QUERIES / 4u) + 2u * y + 1u];
    }
    write_rows(own_query, q_base, first_col + 4u * x, low, total_low, total_high);
    if WIDE {
        write_rows(own_query, q_base, first_col + 64u + 4u * x, high, total_low, total_high);
    }
}
