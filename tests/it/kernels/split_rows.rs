//! `split_rows` against its twin.

use mirscope::{
    gpu::DType,
    kernels::split_rows::{Parts, split_rows},
    reference,
};

use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin_exactly() {
    let gpu = gpu();
    let mut random = Random::new(111);
    for (rows, cols) in [(1, 1), (2, 3), (5, 9), (33, 31), (300, 6)] {
        let x: Vec<f32> = random
            .normals(rows * cols)
            .iter()
            .enumerate()
            .map(|(i, x)| match i % cols {
                // A dimension that is always zero.
                4 => 0.0,
                col => x * 10_f32.powi(col as i32 % 7 - 3),
            })
            .collect();
        let sums = reference::column_sums(&x, &vec![0.0; cols], true, rows, 1.0);
        let input = gpu.upload(rows, cols, &x).expect("x");
        let two = [vec![f32::NAN; cols], sums.clone()].concat();
        let squares = gpu.upload(2, cols, &two).expect("squares");
        for (begin, count) in [(0, rows), (rows / 3, rows - rows / 3)] {
            let part = || gpu.tensor(DType::F32, cols, count).expect("part");
            let parts = Parts {
                high: part(),
                mixed: part(),
                low: part(),
            };
            let own = &x[begin * cols..(begin + count) * cols];
            let expected = reference::split_rows(own, &sums);
            for (tensor, expected) in [&parts.high, &parts.mixed, &parts.low]
                .into_iter()
                .zip(&expected)
            {
                let call = split_rows(&input, begin, &squares, 1, &parts).expect("shapes");
                let found = run(&gpu, [call], tensor);
                assert_eq!(&found, expected, "[{rows}, {cols}] rows {begin}+{count}");
            }
            // What makes the Gram matrix of the high part exact: it counts few grid units.
            for (high, &sum) in expected[0].chunks_exact(count).zip(&sums) {
                let smallest = high.iter().filter(|x| **x != 0.0);
                let unit = smallest.fold(f32::INFINITY, |unit, x| unit.min(x.abs()));
                let grid = (f64::from(sum).sqrt() / 4096.0).log2().floor().exp2();
                assert!(f64::from(unit) >= grid, "{unit} {grid}");
            }
        }
    }
}
