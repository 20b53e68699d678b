use mirscope::{kernels::head_norm::head_norm_with, reference};

use super::VARIANTS;
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(12);
    for (tokens, heads, head_dim) in [
        (1, 1, 2),
        (5, 3, 10),
        (33, 4, 64),
        (70, 2, 130),
        (2, 3, 256),
    ] {
        for eps in [1e-6, 0.5] {
            let x = random.normals(tokens * heads * head_dim);
            let weight = random.normals(head_dim);
            let w_t = gpu.upload(1, head_dim, &weight).unwrap();
            let expected = reference::head_norm(&x, &weight, eps);
            for variant in VARIANTS {
                let x_t = gpu.upload(tokens, heads * head_dim, &x).unwrap();
                let call = head_norm_with(variant, &x_t, &w_t, eps).unwrap();
                assert_close(
                    &run(&gpu, [call], &x_t),
                    &expected,
                    F32_SUMS,
                    &format!("{variant:?} {tokens} {heads} {head_dim} {eps}"),
                );
            }
        }
    }
}

#[test]
fn rows_of_other_widths_are_refused() {
    let gpu = gpu();
    let x = gpu.upload(2, 9, &[0.0; 18]).unwrap();
    let weight = gpu.upload(1, 4, &[0.0; 4]).unwrap();
    for variant in VARIANTS {
        assert!(head_norm_with(variant, &x, &weight, 1e-6).is_err());
    }
}
