use mirscope::{gpu::DType, kernels::matmul_naive::matmul_naive, reference};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(2);
    for (m, n, k) in [(1, 1, 1), (17, 5, 31), (33, 65, 7)] {
        let (a, b) = (random.normals(m * k), random.normals(n * k));
        let (at, bt) = (
            gpu.upload(m, k, &a).expect("a"),
            gpu.upload(n, k, &b).expect("b"),
        );
        let out = gpu.tensor(DType::F32, m, n).expect("out");
        let found = run(&gpu, [matmul_naive(&at, &bt, &out).expect("shapes")], &out);
        assert_close(
            &found,
            &reference::matmul_naive(&a, &b, k),
            F32_SUMS,
            &format!("{m} {n} {k}"),
        );
    }
}
