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
                let call = head_norm_with(variant, &x_t, 0..tokens, &w_t, eps).unwrap();
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
        assert!(head_norm_with(variant, &x, 0..2, &weight, 1e-6).is_err());
    }
}

#[test]
fn rows_that_are_not_asked_for_stay() {
    let gpu = gpu();
    let x = Random::new(4).normals(7 * 12);
    let weight = [2.0, 0.5, -1.0, 3.0];
    let w_t = gpu.upload(1, 4, &weight).unwrap();
    let normed = reference::head_norm(&x[24..60], &weight, 1e-6);
    let expected = [&x[..24], &normed, &x[60..]].concat();
    for variant in VARIANTS {
        let x_t = gpu.upload(7, 12, &x).unwrap();
        let call = head_norm_with(variant, &x_t, 2..5, &w_t, 1e-6).unwrap();
        assert_close(&run(&gpu, [call], &x_t), &expected, F32_SUMS, "rows 2 to 4");
        assert!(head_norm_with(variant, &x_t, 2..8, &w_t, 1e-6).is_err());
    }
}
