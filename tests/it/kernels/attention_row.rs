use mirscope::{
    gpu::DType,
    kernels::attention::{Attention, Interval, causal},
    kernels::attention_row::{attention_row, attention_row_with},
    reference,
};

use super::VARIANTS;
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

/// (tokens, heads, kv_heads, head_dim): one key, a workgroup's width of keys and its neighbours,
/// more heads than a workgroup, groups of one to three query heads, a long prompt.
const SHAPES: [(usize, usize, usize, usize); 8] = [
    (1, 1, 1, 1),
    (3, 2, 1, 6),
    (63, 4, 2, 10),
    (65, 3, 3, 33),
    (64, 70, 35, 4),
    (130, 6, 2, 7),
    (601, 9, 3, 64),
    (2100, 4, 2, 128),
];

fn heads(heads: usize, kv_heads: usize, head_dim: usize) -> Attention {
    Attention {
        heads,
        kv_heads,
        head_dim,
        scale: (head_dim as f32).powf(-0.5),
    }
}

#[test]
fn equals_its_twin_for_every_position_grouping_and_width() {
    let gpu = gpu();
    let mut random = Random::new(41);
    for (tokens, num_heads, kv_heads, head_dim) in SHAPES {
        // Scores of some size, so that the weights differ.
        let q: Vec<f32> = random
            .normals(tokens * num_heads * head_dim)
            .iter()
            .map(|v| v * 4.0)
            .collect();
        let k = random.normals(tokens * kv_heads * head_dim);
        let q_t = gpu.upload(tokens, num_heads * head_dim, &q).unwrap();
        let k_t = gpu.upload(tokens, kv_heads * head_dim, &k).unwrap();
        let with = heads(num_heads, kv_heads, head_dim);
        for position in [0, tokens / 2, tokens - 1] {
            let end = position as u32 + 1;
            let all: [Interval; 3] = [[0, end], [0, tokens as u32], [end / 3, end]];
            for seen in all {
                let expected = reference::attention_row(&q, &k, position, &with, seen);
                let keys = expected.len() / num_heads;
                for variant in VARIANTS {
                    let out = gpu.tensor(DType::F32, num_heads, keys).unwrap();
                    let calls =
                        attention_row_with(variant, &q_t, &k_t, position, &with, seen, &out)
                            .unwrap();
                    let found = run(&gpu, calls, &out);
                    let what = format!("{variant:?} {tokens} {position} {seen:?} {with:?}");
                    // Scores of up to 20 are rounded before exp.
                    assert_close(&found, &expected, 5.0 * F32_SUMS, &what);
                    for weights in found.chunks_exact(keys) {
                        let total: f64 = weights.iter().map(|&w| f64::from(w)).sum();
                        assert!((total - 1.0).abs() < 1e-5, "{what}: the sum is {total}");
                    }
                }
            }
        }
    }
}

/// The twin itself: the weights, applied to the values, are the attention.
#[test]
fn its_twin_gives_the_weights_of_attention() {
    let mut random = Random::new(42);
    let (tokens, with) = (21, heads(6, 2, 5));
    let q = random.normals(tokens * 30);
    let (k, v) = (random.normals(tokens * 10), random.normals(tokens * 10));
    let attended = reference::attention(&q, &k, &v, &with, &causal(tokens));
    for position in [0, 7, 20] {
        let seen = causal(tokens)[position];
        let weights = reference::attention_row(&q, &k, position, &with, seen);
        let row: Vec<f32> = (0..30)
            .map(|c| {
                let (head, column) = (c / 5, c / 15 * 5 + c % 5);
                let weights = weights[head * (position + 1)..].iter().take(position + 1);
                let sum: f64 = weights
                    .enumerate()
                    .map(|(key, &w)| f64::from(w) * f64::from(v[key * 10 + column]))
                    .sum();
                sum as f32
            })
            .collect();
        assert_close(
            &row,
            &attended[position * 30..][..30],
            F32_SUMS,
            &format!("{position}"),
        );
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let gpu = gpu();
    let mut random = Random::new(43);
    let with = Attention {
        scale: 1.0,
        ..heads(2, 1, 8)
    };
    let q: Vec<f32> = random.normals(90 * 16).iter().map(|v| v * 1e3).collect();
    let k = random.normals(90 * 8);
    let (q_t, k_t) = (
        gpu.upload(90, 16, &q).unwrap(),
        gpu.upload(90, 8, &k).unwrap(),
    );
    let expected = reference::attention_row(&q, &k, 89, &with, [0, 90]);
    for variant in VARIANTS {
        let out = gpu.tensor(DType::F32, 2, 90).unwrap();
        let calls = attention_row_with(variant, &q_t, &k_t, 89, &with, [0, 90], &out).unwrap();
        // Scores near 4000 are rounded to about 2e-4 before exp.
        assert_close(
            &run(&gpu, calls, &out),
            &expected,
            1e-3,
            &format!("{variant:?}"),
        );
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let with = heads(4, 2, 8);
    let tensor = |rows, cols| gpu.tensor(DType::F32, rows, cols).unwrap();
    let (q, k, out) = (tensor(9, 32), tensor(9, 16), tensor(4, 6));
    assert!(attention_row(&gpu, &q, &k, 5, &with, [0, 6], &out).is_ok());
    for (q, k, position, seen, out) in [
        (&q, &k, 5, [0, 5], &out),
        (&q, &k, 9, [0, 6], &out),
        (&q, &k, 5, [4, 10], &out),
        (&q, &k, 5, [3, 3], &tensor(4, 0)),
        (&q, &q, 5, [0, 6], &out),
        (&tensor(9, 16), &k, 5, [0, 6], &out),
        (&q, &k, 5, [0, 6], &tensor(3, 6)),
    ] {
        let error = attention_row(&gpu, q, k, position, &with, seen, out).unwrap_err();
        assert!(error.to_string().contains("attention_row"), "{error}");
    }
}
