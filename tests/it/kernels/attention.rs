use mirscope::{
    gpu::{DType, GpuError, KernelVariant},
    kernels::attention::{Attention, attention, attention_with, turns},
    reference,
};

use super::VARIANTS;
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin_for_every_mask_grouping_and_width() {
    let gpu = gpu();
    let mut random = Random::new(17);
    // (tokens, heads, kv_heads, head_dim): tiles of 32 and 64 and their neighbours, heads wider
    // than the 64 columns that are computed at once.
    let shapes = [
        (1, 1, 1, 1),
        (2, 2, 1, 6),
        (31, 4, 2, 10),
        (33, 3, 3, 32),
        (65, 6, 2, 33),
        (70, 2, 1, 64),
        (37, 2, 2, 100),
        (5, 1, 1, 130),
    ];
    for (tokens, heads, kv_heads, head_dim) in shapes {
        for causal in [false, true] {
            let with = Attention {
                heads,
                kv_heads,
                head_dim,
                scale: (head_dim as f32).powf(-0.5),
                causal,
            };
            // Scores of some size, so that the running maximum moves.
            let q: Vec<f32> = random
                .normals(tokens * heads * head_dim)
                .iter()
                .map(|v| v * 4.0)
                .collect();
            let (k, v) = (
                random.normals(tokens * kv_heads * head_dim),
                random.normals(tokens * kv_heads * head_dim),
            );
            let q_t = gpu.upload(tokens, heads * head_dim, &q).unwrap();
            let k_t = gpu.upload(tokens, kv_heads * head_dim, &k).unwrap();
            let v_t = gpu.upload(tokens, kv_heads * head_dim, &v).unwrap();
            let expected = reference::attention(&q, &k, &v, &with);
            for variant in VARIANTS {
                let out = gpu.tensor(DType::F32, tokens, heads * head_dim).unwrap();
                let call = attention_with(variant, &q_t, &k_t, &v_t, &with, &out).unwrap();
                assert_close(
                    &run(&gpu, [call], &out),
                    &expected,
                    2.0 * F32_SUMS,
                    &format!("{variant:?} {tokens} {with:?}"),
                );
            }
        }
    }
}

/// Learned queries that look at patches: fewer or more of them than keys.
#[test]
fn queries_and_keys_may_differ_in_number() {
    let gpu = gpu();
    let mut random = Random::new(20);
    for (queries, keys, heads, head_dim) in [
        (1, 5, 1, 3),
        (7, 49, 3, 6),
        (70, 33, 2, 64),
        (33, 130, 1, 20),
    ] {
        let with = Attention {
            heads,
            kv_heads: heads,
            head_dim,
            scale: (head_dim as f32).powf(-0.5),
            causal: false,
        };
        let width = heads * head_dim;
        let q = random.normals(queries * width);
        let [k, v] = [(); 2].map(|()| random.normals(keys * width));
        let q_t = gpu.upload(queries, width, &q).unwrap();
        let [k_t, v_t] = [&k, &v].map(|values| gpu.upload(keys, width, values).unwrap());
        let out = gpu.tensor(DType::F32, queries, width).unwrap();
        let expected = reference::attention(&q, &k, &v, &with);
        for variant in VARIANTS {
            let call = attention_with(variant, &q_t, &k_t, &v_t, &with, &out).unwrap();
            assert_close(
                &run(&gpu, [call], &out),
                &expected,
                2.0 * F32_SUMS,
                &format!("{variant:?} {queries} queries, {keys} keys, {with:?}"),
            );
        }
        let causal = Attention {
            causal: true,
            ..with
        };
        assert!(attention_with(VARIANTS[0], &q_t, &k_t, &v_t, &causal, &out).is_err());
    }
}

#[test]
fn large_scores_do_not_overflow() {
    let gpu = gpu();
    let mut random = Random::new(18);
    let with = Attention {
        heads: 1,
        kv_heads: 1,
        head_dim: 8,
        scale: 1.0,
        causal: true,
    };
    let q: Vec<f32> = random.normals(40 * 8).iter().map(|v| v * 1e3).collect();
    let (k, v) = (random.normals(40 * 8), random.normals(40 * 8));
    let (q_t, k_t, v_t) = (
        gpu.upload(40, 8, &q).unwrap(),
        gpu.upload(40, 8, &k).unwrap(),
        gpu.upload(40, 8, &v).unwrap(),
    );
    let expected = reference::attention(&q, &k, &v, &with);
    for variant in VARIANTS {
        let out = gpu.tensor(DType::F32, 40, 8).unwrap();
        let found = run(
            &gpu,
            [attention_with(variant, &q_t, &k_t, &v_t, &with, &out).unwrap()],
            &out,
        );
        // Scores near 4000 are rounded to about 2e-4 before exp.
        assert_close(&found, &expected, 1e-3, &format!("{variant:?}"));
    }
}

/// A software adapter that stops long loops gets none, and computes the longest that it takes.
#[test]
fn the_longest_prompt_of_an_adapter_is_computed_and_a_longer_one_refused() {
    const HEAD: usize = 128;
    let gpu = gpu();
    if gpu.kernels() != KernelVariant::Direct || gpu.check_turns("attention", usize::MAX).is_ok() {
        return;
    }
    let fits = |tokens: &usize| gpu.check_turns("attention", turns(*tokens, HEAD)).is_ok();
    let tokens = (1..).step_by(64).take_while(fits).last().unwrap();
    let with = Attention {
        heads: 1,
        kv_heads: 1,
        head_dim: HEAD,
        scale: (HEAD as f32).powf(-0.5),
        causal: true,
    };
    let mut random = Random::new(19);
    let [q, k, v] = [(); 3].map(|()| random.normals(tokens * HEAD));
    let [q_t, k_t, v_t] = [&q, &k, &v].map(|values| gpu.upload(tokens, HEAD, values).unwrap());
    let out = gpu.tensor(DType::F32, tokens, HEAD).unwrap();
    let found = run(
        &gpu,
        [attention(&gpu, &q_t, &k_t, &v_t, &with, &out).unwrap()],
        &out,
    );
    // The last query takes the most turns.
    let row = |values: &[f32], index: usize| values[index * HEAD..(index + 1) * HEAD].to_vec();
    let query = row(&q, tokens - 1);
    let score = |key: usize| -> f64 {
        let products = query
            .iter()
            .zip(row(&k, key))
            .map(|(q, k)| f64::from(q * k));
        products.sum::<f64>() * f64::from(with.scale)
    };
    let weights: Vec<f64> = (0..tokens).map(|key| score(key).exp()).collect();
    let total: f64 = weights.iter().sum();
    let expected: Vec<f32> = (0..HEAD)
        .map(|column| {
            let sum: f64 = (weights.iter().enumerate())
                .map(|(key, weight)| weight * f64::from(v[key * HEAD + column]))
                .sum();
            (sum / total) as f32
        })
        .collect();
    assert_close(
        &row(&found, tokens - 1),
        &expected,
        2.0 * F32_SUMS,
        &format!("{tokens} tokens"),
    );

    let longer = tokens + 64;
    let x = gpu.tensor(DType::F32, longer, HEAD).unwrap();
    let refused = attention(&gpu, &x, &x, &x, &with, &x);
    assert!(matches!(refused, Err(GpuError::TooManyTurns { .. })));
}
