use mirscope::{gpu::DType, kernels::rms_norm::rms_norm_with, reference};

use super::{ROW_SHAPES, VARIANTS};
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(11);
    for (rows, cols) in ROW_SHAPES {
        for eps in [1e-6, 0.5] {
            let (x, weight) = (random.normals(rows * cols), random.normals(cols));
            let (x_t, w_t) = (
                gpu.upload(rows, cols, &x).unwrap(),
                gpu.upload(1, cols, &weight).unwrap(),
            );
            let expected = reference::rms_norm(&x, &weight, eps);
            for variant in VARIANTS {
                let out = gpu.tensor(DType::F32, rows, cols).unwrap();
                let call = rms_norm_with(variant, &x_t, &w_t, eps, &out).unwrap();
                assert_close(
                    &run(&gpu, [call], &out),
                    &expected,
                    F32_SUMS,
                    &format!("{variant:?} {rows} {cols} {eps}"),
                );
            }
        }
    }
}
