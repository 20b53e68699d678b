use mirscope::{
    gpu::{DType, Gpu},
    kernels::{
        attention::{
            Attention, Blocks, Interval, KeyIntervals, attention, attention_with, causal, full,
        },
        attention_direct::Lanes,
    },
    reference,
};

use super::{cutting, roomy};
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

/// Every way to compute: four queries per invocation and 32 per subgroup, each with the keys whole and in pieces, 32
/// and 64 queries per workgroup.
fn blocks(gpu: &Gpu) -> Vec<Blocks> {
    let mut all = vec![Blocks::Tiled { queries: 32 }, Blocks::Tiled { queries: 64 }];
    for lanes in [Lanes::Alone, Lanes::Together] {
        let pieces = [usize::MAX, 7].map(|piece| Blocks::Direct { lanes, piece });
        all.extend(pieces.into_iter().filter(|_| lanes.fit(gpu)));
    }
    all
}

fn heads(heads: usize, kv_heads: usize, head_dim: usize) -> Attention {
    Attention {
        heads,
        kv_heads,
        head_dim,
        scale: (head_dim as f32).powf(-0.5),
    }
}

/// Masks of a square of tokens: full, causal, prefix, sliding window, segments, blocks of images that
/// see themselves in a causal text, and queries that see nothing.
fn masks(tokens: usize) -> Vec<(&'static str, Vec<Interval>)> {
    let each = |interval: &dyn Fn(u32) -> [u32; 2]| (0..tokens as u32).map(interval).collect();
    let n = tokens as u32;
    vec![
        ("full", full(tokens, tokens)),
        ("causal", causal(tokens)),
        ("prefix", each(&|i| [0, (i + 1).max(n / 3)])),
        ("window", each(&|i| [i.saturating_sub(5), i + 1])),
        ("segments", each(&|i| [i / 9 * 9, (i / 9 * 9 + 9).min(n)])),
        (
            "image blocks",
            each(&|i| {
                [
                    0,
                    if i % 40 < 20 {
                        (i / 40 * 40 + 20).min(n)
                    } else {
                        i + 1
                    },
                ]
            }),
        ),
        (
            "nothing for some",
            each(&|i| if i % 3 == 0 { [i, i] } else { [i / 2, i] }),
        ),
    ]
}

#[test]
fn equals_its_twin_for_every_mask_grouping_and_width() {
    let gpu = roomy();
    let mut random = Random::new(17);
    // (tokens, heads, kv_heads, head_dim): tiles of 32 and 64 and their neighbours, heads wider than
    // the 64 and 128 columns that are computed at once, heads that do not begin at groups of four.
    let shapes = [
        (1, 1, 1, 1),
        (2, 2, 1, 6),
        (31, 4, 2, 10),
        (33, 3, 3, 32),
        (65, 6, 2, 33),
        (70, 2, 1, 64),
        (130, 1, 1, 20),
        (37, 2, 2, 100),
        (66, 1, 1, 128),
        (5, 1, 1, 130),
    ];
    for (tokens, num_heads, kv_heads, head_dim) in shapes {
        let with = heads(num_heads, kv_heads, head_dim);
        // Scores of some size, so that the running maximum moves.
        let q: Vec<f32> = random
            .normals(tokens * num_heads * head_dim)
            .iter()
            .map(|v| v * 4.0)
            .collect();
        let [k, v] = [(); 2].map(|()| random.normals(tokens * kv_heads * head_dim));
        let q_t = gpu.upload(tokens, num_heads * head_dim, &q).unwrap();
        let [k_t, v_t] = [&k, &v].map(|x| gpu.upload(tokens, kv_heads * head_dim, x).unwrap());
        for (name, intervals) in masks(tokens) {
            let seen = KeyIntervals::new(&gpu, tokens, &intervals).unwrap();
            let expected = reference::attention(&q, &k, &v, &with, &intervals);
            for blocks in blocks(&gpu) {
                let out = gpu
                    .tensor(DType::F32, tokens, num_heads * head_dim)
                    .unwrap();
                let calls =
                    attention_with(&gpu, blocks, &q_t, &k_t, &v_t, &with, &seen, &out).unwrap();
                assert_close(
                    &run(&gpu, calls, &out),
                    &expected,
                    2.0 * F32_SUMS,
                    &format!("{blocks:?} {tokens} tokens, {name}, {with:?}"),
                );
            }
        }
    }
}

/// Learned queries that look at patches: fewer or more of them than keys.
#[test]
fn queries_and_keys_may_differ_in_number() {
    let gpu = roomy();
    let mut random = Random::new(20);
    for (queries, keys, num_heads, head_dim) in [
        (1, 5, 1, 3),
        (7, 49, 3, 6),
        (70, 33, 2, 64),
        (33, 130, 1, 20),
    ] {
        let with = heads(num_heads, num_heads, head_dim);
        let width = num_heads * head_dim;
        let q = random.normals(queries * width);
        let [k, v] = [(); 2].map(|()| random.normals(keys * width));
        let q_t = gpu.upload(queries, width, &q).unwrap();
        let [k_t, v_t] = [&k, &v].map(|values| gpu.upload(keys, width, values).unwrap());
        let out = gpu.tensor(DType::F32, queries, width).unwrap();
        let intervals = full(queries, keys);
        let seen = KeyIntervals::new(&gpu, keys, &intervals).unwrap();
        let expected = reference::attention(&q, &k, &v, &with, &intervals);
        for blocks in blocks(&gpu) {
            let calls = attention_with(&gpu, blocks, &q_t, &k_t, &v_t, &with, &seen, &out).unwrap();
            assert_close(
                &run(&gpu, calls, &out),
                &expected,
                2.0 * F32_SUMS,
                &format!("{blocks:?} {queries} queries, {keys} keys, {with:?}"),
            );
        }
        // As many intervals as queries, within as many keys as there are.
        let other = KeyIntervals::new(&gpu, keys, &full(queries + 1, keys)).unwrap();
        assert!(attention(&gpu, &q_t, &k_t, &v_t, &with, &other, &out).is_err());
        assert!(KeyIntervals::new(&gpu, keys - 1, &intervals).is_err());
        assert!(KeyIntervals::new(&gpu, keys, &[[3, 2]]).is_err());
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let gpu = roomy();
    let mut random = Random::new(18);
    let with = Attention {
        scale: 1.0,
        ..heads(1, 1, 8)
    };
    let q: Vec<f32> = random.normals(40 * 8).iter().map(|v| v * 1e3).collect();
    let (k, v) = (random.normals(40 * 8), random.normals(40 * 8));
    let (q_t, k_t, v_t) = (
        gpu.upload(40, 8, &q).unwrap(),
        gpu.upload(40, 8, &k).unwrap(),
        gpu.upload(40, 8, &v).unwrap(),
    );
    let seen = KeyIntervals::new(&gpu, 40, &causal(40)).unwrap();
    let expected = reference::attention(&q, &k, &v, &with, &causal(40));
    for blocks in blocks(&gpu) {
        let out = gpu.tensor(DType::F32, 40, 8).unwrap();
        let calls = attention_with(&gpu, blocks, &q_t, &k_t, &v_t, &with, &seen, &out).unwrap();
        // Scores near 4000 are rounded to about 2e-4 before exp.
        let found = run(&gpu, calls, &out);
        assert_close(&found, &expected, 1e-3, &format!("{blocks:?}"));
    }
}

/// An adapter that ends long loops gets the keys in pieces, and a long prompt is right on it.
#[test]
fn a_long_prompt_is_right_on_every_adapter() {
    const HEAD: usize = 128;
    const TOKENS: usize = 9000;
    let gpu = gpu();
    let with = heads(1, 1, HEAD);
    let mut random = Random::new(19);
    let q = random.normals(HEAD);
    let [k, v] = [(); 2].map(|()| random.normals(TOKENS * HEAD));
    let q_t = gpu.upload(1, HEAD, &q).unwrap();
    let [k_t, v_t] = [&k, &v].map(|values| gpu.upload(TOKENS, HEAD, values).unwrap());
    let out = gpu.tensor(DType::F32, 1, HEAD).unwrap();
    let intervals = full(1, TOKENS);
    let seen = KeyIntervals::new(&gpu, TOKENS, &intervals).unwrap();
    let calls = attention(&gpu, &q_t, &k_t, &v_t, &with, &seen, &out).unwrap();
    assert!(gpu.most_turns().is_none() || calls.len() > 1);
    let expected = reference::attention(&q, &k, &v, &with, &intervals);
    assert_close(
        &run(&gpu, calls, &out),
        &expected,
        2.0 * F32_SUMS,
        "9000 keys",
    );
}

/// Attention that takes too long for one dispatch: by heads, then by blocks of queries.
#[test]
fn long_attention_is_cut_into_dispatches_with_the_same_bits() {
    let (tokens, with) = (130, heads(4, 2, 20));
    let mut random = Random::new(21);
    let q = random.normals(tokens * 80);
    let (k, v) = (random.normals(tokens * 40), random.normals(tokens * 40));
    let seen = causal(tokens);
    let attended = |gpu: &Gpu, blocks: Blocks| {
        let (q, k, v) = (
            gpu.upload(tokens, 80, &q).unwrap(),
            gpu.upload(tokens, 40, &k).unwrap(),
            gpu.upload(tokens, 40, &v).unwrap(),
        );
        let intervals = KeyIntervals::new(gpu, tokens, &seen).unwrap();
        let out = gpu.tensor(DType::F32, tokens, 80).unwrap();
        let calls = attention_with(gpu, blocks, &q, &k, &v, &with, &intervals, &out).unwrap();
        let flops: f64 = calls.iter().map(|call| call.work.flops).sum();
        (calls.len(), flops, run(gpu, calls, &out))
    };
    for blocks in blocks(&roomy()) {
        let (calls, flops, whole) = attended(&roomy(), blocks);
        let (pieces, per_head) = match blocks {
            Blocks::Direct { lanes, piece } => {
                let queries = if lanes == Lanes::Alone { 64 } else { 32 };
                (tokens.div_ceil(piece), tokens.div_ceil(queries))
            }
            Blocks::Tiled { queries } => (1, tokens.div_ceil(queries)),
        };
        assert_eq!(calls, pieces, "{blocks:?}");
        for (parts, expected) in [(1, 1), (4, 4), (1000, 4 * per_head)] {
            let gpu = cutting(flops / pieces as f64, parts as f64);
            let (calls, _, cut) = attended(&gpu, blocks);
            assert_eq!(calls, pieces * expected, "{blocks:?} in {parts}");
            assert_eq!(cut, whole, "{blocks:?} in {parts}");
        }
    }
}
