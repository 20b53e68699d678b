use mirscope::{
    gpu::DType,
    kernels::attention::Attention,
    kernels::attention_decode::{attention_decode, attention_decode_with},
    reference,
};

use super::VARIANTS;
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn what_stands_behind_the_keys_seen_is_never_read() {
    let gpu = gpu();
    let mut random = Random::new(5);
    let (rows, heads, kv_heads, head_dim) = (300, 4, 2, 16);
    let width = kv_heads * head_dim;
    let (q, mut k, mut v) = (
        random.normals(heads * head_dim),
        random.normals(rows * width),
        random.normals(rows * width),
    );
    let with = Attention {
        heads,
        kv_heads,
        head_dim,
        scale: 0.25,
    };
    let seen = [10, 271];
    let expected = reference::attention_decode(&q, &k, &v, &with, seen);
    for row in (0..10).chain(271..rows) {
        k[row * width..(row + 1) * width].fill(f32::NAN);
        v[row * width..(row + 1) * width].fill(f32::NAN);
    }
    let q_t = gpu.upload(1, heads * head_dim, &q).unwrap();
    let k_t = gpu.upload(rows, width, &k).unwrap();
    let v_t = gpu.upload(rows, width, &v).unwrap();
    for variant in VARIANTS {
        let out = gpu.tensor(DType::F32, 1, heads * head_dim).unwrap();
        let calls =
            attention_decode_with(&gpu, variant, &q_t, &k_t, &v_t, &with, seen, &out).unwrap();
        let found = run(&gpu, calls, &out);
        assert_close(&found, &expected, 2.0 * F32_SUMS, &format!("{variant:?}"));
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let tensor = |rows, cols| gpu.tensor(DType::F32, rows, cols).unwrap();
    let with = Attention {
        heads: 4,
        kv_heads: 2,
        head_dim: 8,
        scale: 1.0,
    };
    let (q, k) = (tensor(1, 32), tensor(9, 16));
    assert!(attention_decode(&gpu, &q, &k, &k, &with, [0, 9], &q).is_ok());
    for (q, k, v, seen) in [
        (&q, &k, &k, [0, 10]),
        (&q, &k, &k, [4, 4]),
        (&q, &k, &tensor(8, 16), [0, 4]),
        (&q, &tensor(9, 32), &tensor(9, 32), [0, 4]),
        (&tensor(2, 32), &k, &k, [0, 4]),
    ] {
        let error = attention_decode(&gpu, q, k, v, &with, seen, q).unwrap_err();
        assert!(error.to_string().contains("attention_decode"), "{error}");
    }
}
