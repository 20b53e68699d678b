// The next token, chosen by its logits: the largest one, or one drawn among the most likely.
//
// logits [1, cols]; ids [1, 1]: the token's id, for the step that follows; out [1, 2]: the id as f32 (exact
// below 2^24) and the logarithm of its probability, without temperature and limits. Logits that are not
// finite are never chosen. A workgroup takes the row.
//
// Drawing: p = exp((logit - greatest) / temperature). Of the logits the `top_k` greatest stay (equal ones
// together), and of these the fewest that hold `top_p` of their p. Among them, in the order of the vocabulary,
// the first is taken with which the sum of p exceeds `draw` of the whole. Both limits are found by bisection
// over the bits of the logits, whose order is made that of their values.

import package::common::rows::row_sum;
import package::common::rows_u32::row_max_u32;
import package::common::rows_u32::row_sum_u32;

struct Params {
    cols: u32,
    // 0: the largest logit.
    temperature: f32,
    // Logits that stay; 0 for all.
    top_k: u32,
    top_p: f32,
    // From 0 to 1 - 2^-23.
    draw: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> out: array<f32>;

const INVOCATIONS: u32 = 256u;
// That of the most negative finite logit.
const LOWEST_RANK: u32 = 0x00800000u;

// The rank of a finite logit: larger for larger ones; 0 for what is not finite or beyond the row.
fn ranks(group: u32) -> vec4<u32> {
    let bits = bitcast<vec4<u32>>(logits[group]);
    let negative = (bits >> vec4<u32>(31u)) == vec4<u32>(1u);
    let rank = select(bits | vec4<u32>(0x80000000u), ~bits, negative);
    let columns = vec4<u32>(0u, 1u, 2u, 3u) + vec4<u32>(group * 4u);
    let counts = ((bits & vec4<u32>(0x7f800000u)) != vec4<u32>(0x7f800000u)) & (columns < vec4<u32>(params.cols));
    return select(vec4<u32>(0u), rank, counts);
}

// The logit of a rank.
fn logit(rank: u32) -> f32 {
    return bitcast<f32>(select(~rank, rank & 0x7fffffffu, rank >= 0x80000000u));
}

// exp((logit - greatest) / temperature) of the logits from `least` on, 0 for the others.
fn shares(group: u32, least: u32, greatest: f32, temperature: f32) -> vec4<f32> {
    let kept = ranks(group) >= vec4<u32>(max(least, LOWEST_RANK));
    // What is not finite must not enter the arithmetic.
    let values = select(vec4<f32>(greatest), logits[group], kept);
    return select(vec4<f32>(0.0), exp((values - vec4<f32>(greatest)) / temperature), kept);
}

// The sum of the shares, over all invocations.
fn mass(local: u32, least: u32, greatest: f32, temperature: f32) -> f32 {
    var sum = 0.0;
    for (var group = local; group * 4u < params.cols; group += INVOCATIONS) {
        sum += dot(shares(group, least, greatest, temperature), vec4<f32>(1.0));
    }
    return row_sum(local, sum);
}

// How many logits have at least this rank.
fn count(local: u32, least: u32) -> u32 {
    var own = 0u;
    for (var group = local; group * 4u < params.cols; group += INVOCATIONS) {
        let counted = select(vec4<u32>(0u), vec4<u32>(1u), ranks(group) >= vec4<u32>(least));
        own += counted.x + counted.y + counted.z + counted.w;
    }
    return row_sum_u32(local, own);
}

// The first of four elements that is true, 4 where none is.
fn first_of(found: vec4<bool>) -> u32 {
    return select(select(select(select(4u, 3u, found.w), 2u, found.z), 1u, found.y), 0u, found.x);
}

var<workgroup> stretches: array<f32, INVOCATIONS>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) local: u32) {
    var own = 0u;
    for (var group = local; group * 4u < params.cols; group += INVOCATIONS) {
        let rank = ranks(group);
        own = max(own, max(max(rank.x, rank.y), max(rank.z, rank.w)));
    }
    let greatest_rank = row_max_u32(local, own);
    let greatest = logit(max(greatest_rank, LOWEST_RANK));
    let all = mass(local, 0u, greatest, 1.0);
    var least = greatest_rank;
    if params.temperature > 0.0 {
        least = LOWEST_RANK;
        if params.top_k > 0u && params.top_k < params.cols {
            var above = 0u;
            for (var bit = 0u; bit < 32u; bit++) {
                let tried = above | (0x80000000u >> bit);
                above = select(above, tried, count(local, tried) >= params.top_k);
            }
            least = max(above, LOWEST_RANK);
        }
        if params.top_p < 1.0 {
            let wanted = params.top_p * mass(local, least, greatest, params.temperature);
            var above = 0u;
            for (var bit = 0u; bit < 32u; bit++) {
                let tried = above | (0x80000000u >> bit);
                let held = mass(local, max(tried, least), greatest, params.temperature);
                above = select(above, tried, held >= wanted);
            }
            // The greatest one always stays.
            least = min(max(above, least), greatest_rank);
        }
    }
    // From here on in the order of the vocabulary: a stretch of it for each invocation.
    let temperature = select(1.0, params.temperature, params.temperature > 0.0);
    let stretch = (params.cols + 4u * INVOCATIONS - 1u) / (4u * INVOCATIONS);
    var sum = 0.0;
    for (var i = 0u; i < stretch; i++) {
        let group = local * stretch + i;
        if group * 4u < params.cols {
            sum += dot(shares(group, least, greatest, temperature), vec4<f32>(1.0));
        }
    }
    stretches[local] = sum;
    workgroupBarrier();
    if local != 0u {
        return;
    }
    var total = 0.0;
    for (var i = 0u; i < INVOCATIONS; i++) {
        total += stretches[i];
    }
    let wanted = select(0.0, params.draw * total, params.temperature > 0.0);
    // The sums are those of the total, in the same order, and `draw` is below 1 by more than rounding: one
    // stretch exceeds what is wanted.
    var before = 0.0;
    var found = 0u;
    for (var i = 0u; i < INVOCATIONS; i++) {
        found = i;
        if before + stretches[i] > wanted {
            break;
        }
        before += stretches[i];
    }
    var token = 0u;
    var chosen = false;
    for (var i = 0u; i < stretch && !chosen; i++) {
        let group = found * stretch + i;
        if group * 4u < params.cols {
            let share = shares(group, least, greatest, temperature);
            let upto = vec4<f32>(share.x, share.x + share.y, share.x + share.y + share.z, dot(share, vec4<f32>(1.0)));
            let exceeds = (vec4<f32>(before) + upto > vec4<f32>(wanted)) & (share > vec4<f32>(0.0));
            let place = first_of(exceeds);
            if place < 4u {
                token = group * 4u + place;
                chosen = true;
            } else {
                // The last that may be taken, should rounding leave none that exceeds.
                let last = 3u - first_of((share > vec4<f32>(0.0)).wzyx);
                if last < 4u {
                    token = group * 4u + last;
                }
            }
            before += upto.w;
        }
    }
    ids[0] = token;
    out[0] = f32(token);
    out[1] = logits[token / 4u][token % 4u] - greatest - log(all);
}
