//! `normalize` against its twin.

use mirscope::{gpu::DType, kernels::normalize::normalize, reference};

use crate::support::{Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(101);
    for (rows, cols) in [(1, 1), (3, 5), (33, 70)] {
        let x = random.normals(rows * cols);
        let input = gpu.upload(rows, cols, &x).expect("x");
        for squares in [0.0, 4e-6, 1.0, 3.7e5] {
            let column = gpu.upload(2, 1, &[f32::NAN, squares]).expect("squares");
            let out = gpu.tensor(DType::F32, rows, cols).expect("out");
            let call = normalize(&input, &column, 1, &out).expect("shapes");
            let found = run(&gpu, [call], &out);
            let expected = reference::normalize(&x, squares);
            let name = format!("[{rows}, {cols}] {squares}");
            assert_close(&found, &expected, 1e-6, &name);
        }
    }
}
