use mirscope::{
    gpu::DType,
    kernels::{Activation, matmul::Matmul, sum_pieces::sum_pieces},
    reference::{self, Epilogue},
};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn joins_pieces_with_all_that_surrounds_a_product() {
    let gpu = gpu();
    let mut random = Random::new(21);
    for (count, m, n) in [(1, 1, 1), (2, 3, 5), (3, 7, 64), (8, 13, 131)] {
        let values = random.normals(count * m * n);
        let (bias, residual) = (random.normals(n), random.normals(m * n));
        let pieces = gpu.upload(count * m, n, &values).expect("pieces");
        let bias_t = gpu.upload(1, n, &bias).expect("bias");
        let residual_t = gpu.upload(m, n, &residual).expect("residual");
        for activation in [Activation::None, Activation::Gelu] {
            let with = Matmul {
                bias: Some(&bias_t),
                activation,
                residual: Some(&residual_t),
                scale: 0.5,
                ..Matmul::default()
            };
            let epilogue = Epilogue {
                bias: Some(&bias),
                activation,
                residual: Some(&residual),
            };
            let expected = reference::sum_pieces(&values, m, n, 0.5, &epilogue);
            let out = gpu.tensor(DType::F32, m, n).expect("out");
            let call = sum_pieces(&pieces, m, &with, &out).expect("shapes");
            let found = run(&gpu, [call], &out);
            assert_close(&found, &expected, F32_SUMS, &format!("{count} {m} {n}"));
        }
    }
}
