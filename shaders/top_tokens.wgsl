// The `count` largest logits of each row with their columns, and the row's log-sum-exp: all that a
// look at a vocabulary needs of its logits. Of equal logits the lower column comes first; logits
// that are not finite never count.
//
// out [rows, 2 * count + 1]: the logits, largest first; their columns as f32, exact below 2^24, -1
// where there is none; the log-sum-exp. `tiled` gives a row to a workgroup. `direct` gives a piece of
// a row to an invocation, as if it were a row, and `join` makes rows of the pieces' results: llvmpipe
// ends an invocation's loops after 65535 turns altogether, so that none may take a long row.

import package::common::reduce::workgroup_sum;

// Most logits of a row.
const MOST: u32 = 8u;
// The most negative finite f32.
const LOWEST: f32 = -3.4028234e38;
// The column of an empty place, larger than any other.
const NONE: u32 = 0xffffffffu;
// Logits that are added up before the sum joins the others, to keep rounding small.
const BLOCK: u32 = 256u;

struct Params {
    rows: u32,
    cols: u32,
    stride: u32,
    count: u32,
    out_stride: u32,
    // Columns of a piece, and pieces of a row.
    piece: u32,
    pieces: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// The largest logits seen so far, largest first, with their columns.
struct Top {
    values: array<f32, MOST>,
    columns: array<u32, MOST>,
}

fn empty() -> Top {
    var top = Top();
    for (var i = 0u; i < MOST; i++) {
        top.values[i] = LOWEST;
        top.columns[i] = NONE;
    }
    return top;
}

// Told by the bits, for a compiler may take it that there are no NaN.
fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

fn before(value: f32, column: u32, other: f32, other_column: u32) -> bool {
    return value > other || (value == other && column < other_column);
}

// Takes a logit in if it is among the largest.
fn insert(top: ptr<function, Top>, value: f32, column: u32) {
    let last = params.count - 1u;
    if !before(value, column, (*top).values[last], (*top).columns[last]) {
        return;
    }
    var at = last;
    while at > 0u && before(value, column, (*top).values[at - 1u], (*top).columns[at - 1u]) {
        (*top).values[at] = (*top).values[at - 1u];
        (*top).columns[at] = (*top).columns[at - 1u];
        at--;
    }
    (*top).values[at] = value;
    (*top).columns[at] = column;
}

// The sum of exp(logit - highest) over the columns first, first + step, ... below `last`.
fn exp_sum(base: u32, first: u32, last: u32, step: u32, highest: f32) -> f32 {
    var total = 0.0;
    for (var start = first; start < last; start += BLOCK * step) {
        let end = min(start + BLOCK * step, last);
        var sum = 0.0;
        for (var column = start; column < end; column += step) {
            let value = logits[base + column];
            if is_finite(value) {
                sum += exp(value - highest);
            }
        }
        total += sum;
    }
    return total;
}

fn store(row: u32, place: u32, value: f32, column: u32) {
    let base = row * params.out_stride + place;
    out[base] = value;
    out[base + params.count] = select(f32(column), -1.0, column == NONE);
}

fn store_log_sum(row: u32, highest: f32, total: f32) {
    // Nothing finite in the row: no sum, and no logarithm of 0.
    out[row * params.out_stride + 2u * params.count] =
        select(LOWEST, highest + log(max(total, 1.0)), total > 0.0);
}

@compute @workgroup_size(64)
fn direct(@builtin(global_invocation_id) id: vec3<u32>) {
    let out_row = id.x;
    if out_row >= params.rows * params.pieces {
        return;
    }
    let base = (out_row / params.pieces) * params.stride;
    let first = (out_row % params.pieces) * params.piece;
    let last = min(first + params.piece, params.cols);
    var top = empty();
    for (var column = first; column < last; column++) {
        let value = logits[base + column];
        if is_finite(value) {
            insert(&top, value, column);
        }
    }
    for (var place = 0u; place < params.count; place++) {
        store(out_row, place, top.values[place], top.columns[place]);
    }
    store_log_sum(out_row, top.values[0], exp_sum(base, first, last, 1u, top.values[0]));
}

// Here the logits are what `direct` gave, a row per piece.
@compute @workgroup_size(64)
fn join(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.pieces * params.stride;
    var top = empty();
    var highest = LOWEST;
    for (var piece = 0u; piece < params.pieces; piece++) {
        let piece_base = base + piece * params.stride;
        for (var place = 0u; place < params.count; place++) {
            let column = logits[piece_base + params.count + place];
            if column >= 0.0 {
                insert(&top, logits[piece_base + place], u32(column));
            }
        }
        highest = max(highest, logits[piece_base + 2u * params.count]);
    }
    for (var place = 0u; place < params.count; place++) {
        store(row, place, top.values[place], top.columns[place]);
    }
    var total = 0.0;
    for (var piece = 0u; piece < params.pieces; piece++) {
        total += exp(logits[base + piece * params.stride + 2u * params.count] - highest);
    }
    store_log_sum(row, highest, select(total, 0.0, top.columns[0] == NONE));
}

// The best remaining logit of each invocation, reduced to the best of all.
var<workgroup> best_values: array<f32, 64>;
var<workgroup> best_columns: array<u32, 64>;

@compute @workgroup_size(64)
fn tiled(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let row = group.y * 32768u + group.x;
    if row >= params.rows {
        return;
    }
    let base = row * params.stride;
    var top = empty();
    for (var column = local; column < params.cols; column += 64u) {
        let value = logits[base + column];
        if is_finite(value) {
            insert(&top, value, column);
        }
    }
    var highest = LOWEST;
    // How many of its own an invocation has given away.
    var given = 0u;
    for (var place = 0u; place < params.count; place++) {
        // `given` stays below `count`: an invocation gives at most one in each turn.
        best_values[local] = top.values[given];
        best_columns[local] = top.columns[given];
        workgroupBarrier();
        for (var half = 32u; half > 0u; half /= 2u) {
            if local < half {
                let value = best_values[local + half];
                let column = best_columns[local + half];
                if before(value, column, best_values[local], best_columns[local]) {
                    best_values[local] = value;
                    best_columns[local] = column;
                }
            }
            workgroupBarrier();
        }
        let value = best_values[0];
        let column = best_columns[0];
        workgroupBarrier();
        if place == 0u {
            highest = value;
        }
        if column != NONE && column == top.columns[given] {
            given++;
        }
        if local == 0u {
            store(row, place, value, column);
        }
    }
    let total = workgroup_sum(local, exp_sum(base, local, params.cols, 64u, highest));
    if local == 0u {
        store_log_sum(row, highest, total);
    }
}
