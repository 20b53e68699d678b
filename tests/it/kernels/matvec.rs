use mirscope::{
    gpu::DType,
    kernels::{Activation, matmul::Matmul, matvec::matvec_with},
    reference::{self, Epilogue},
};

use super::{VARIANTS, stored};
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin_in_every_storage_type() {
    let gpu = gpu();
    let mut random = Random::new(19);
    for (m, n, k) in [
        (1, 1, 1),
        (1, 3, 5),
        (1, 65, 64),
        (2, 130, 127),
        (4, 7, 1000),
        (5, 17, 9),
        (7, 33, 31),
        (8, 64, 72),
        (9, 12, 100),
        (33, 4, 516),
    ] {
        let a = random.normals(m * k);
        let (bias, residual) = (random.normals(n), random.normals(m * n));
        let a_t = gpu.upload(m, k, &a).unwrap();
        let (bias_t, residual_t) = (
            gpu.upload(1, n, &bias).unwrap(),
            gpu.upload(m, n, &residual).unwrap(),
        );
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            let (b_t, b) = stored(&gpu, dtype, n, k, &random.normals(n * k));
            let plain = (Matmul::default(), Epilogue::default());
            let full = (
                Matmul {
                    bias: Some(&bias_t),
                    activation: Activation::Gelu,
                    residual: Some(&residual_t),
                    ..Matmul::default()
                },
                Epilogue {
                    bias: Some(&bias),
                    activation: Activation::Gelu,
                    residual: Some(&residual),
                    gated: false,
                },
            );
            for (with, epilogue) in [plain, full] {
                let expected = reference::matvec(&a, &b, k, &epilogue);
                for variant in VARIANTS {
                    let out = gpu.tensor(DType::F32, m, n).unwrap();
                    let found = run(
                        &gpu,
                        [matvec_with(variant, &a_t, &b_t, &with, &out).unwrap()],
                        &out,
                    );
                    assert_close(
                        &found,
                        &expected,
                        F32_SUMS,
                        &format!("{variant:?} {dtype:?} {m} {n} {k}"),
                    );
                }
            }
        }
    }
}
