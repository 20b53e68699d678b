use mirscope::{gpu::DType, kernels::layer_norm::layer_norm_with, reference};

use super::{ROW_SHAPES, VARIANTS};
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(10);
    for (rows, cols) in ROW_SHAPES {
        // A mean far from 0 shows a variance that cancels.
        let x: Vec<f32> = random
            .normals(rows * cols)
            .iter()
            .map(|v| v * 2.0 + 30.0)
            .collect();
        let (weight, bias) = (random.normals(cols), random.normals(cols));
        let x_t = gpu.upload(rows, cols, &x).unwrap();
        let (w_t, b_t) = (
            gpu.upload(1, cols, &weight).unwrap(),
            gpu.upload(1, cols, &bias).unwrap(),
        );
        let expected = reference::layer_norm(&x, &weight, &bias, 1e-5);
        for variant in VARIANTS {
            let out = gpu.tensor(DType::F32, rows, cols).unwrap();
            let call = layer_norm_with(variant, &x_t, &w_t, &b_t, 1e-5, &out).unwrap();
            // The mean's rounding, 30 ulp of 1, remains in the centred values.
            assert_close(
                &run(&gpu, [call], &out),
                &expected,
                10.0 * F32_SUMS,
                &format!("{variant:?} {rows} {cols}"),
            );
        }
    }
}
