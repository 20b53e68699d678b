//! `transpose` against its twin.

use mirscope::{gpu::DType, kernels::transpose::transpose, reference};

use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin_exactly() {
    let gpu = gpu();
    let mut random = Random::new(81);
    for (rows, cols) in [(1, 1), (2, 3), (4, 4), (5, 9), (33, 31), (64, 100)] {
        let x = random.normals(rows * cols);
        let input = gpu.upload(rows, cols, &x).expect("x");
        for (begin, count) in [(0, rows), (rows / 3, rows - rows / 3), (rows - 1, 1)] {
            let out = gpu.tensor(DType::F32, cols, count).expect("out");
            let call = transpose(&input, begin, &out).expect("shapes");
            let found = run(&gpu, [call], &out);
            let expected = reference::transpose(&x[begin * cols..(begin + count) * cols], cols);
            assert_eq!(found, expected, "[{rows}, {cols}] rows {begin}+{count}");
        }
    }
}
