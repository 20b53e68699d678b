//! `column_sums` against its twin.

use mirscope::{
    gpu::DType,
    kernels::column_sums::{BLOCK, ColumnSums, column_sums, column_totals},
    reference,
};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(61);
    for (rows, width) in [(1, 1), (31, 5), (32, 4), (33, 64), (200, 67)] {
        let x: Vec<f32> = random
            .normals(rows * width)
            .iter()
            .map(|x| x + 3.0)
            .collect();
        let shift = random.normals(width);
        let input = gpu.upload(rows, width, &x).expect("x");
        let shifts = gpu
            .upload(2, width, &[vec![f32::NAN; width], shift.clone()].concat())
            .expect("shift");
        let blocks = rows.div_ceil(BLOCK);
        for (shifted, square) in [(false, false), (false, true), (true, false), (true, true)] {
            let what = ColumnSums {
                shift: shifted.then_some((&shifts, 1)),
                square,
                factor: 0.3,
            };
            let own = if shifted {
                shift.clone()
            } else {
                vec![0.0; width]
            };
            let expected = reference::column_sums(&x, &own, square, BLOCK, 0.3);
            let out = gpu.tensor(DType::F32, blocks + 1, width).expect("out");
            let call = column_sums(&input, &what, &out, 1).expect("shapes");
            let found = run(&gpu, [call], &out);
            let name = format!("[{rows}, {width}] {what:?}");
            assert_close(&found[width..], &expected, F32_SUMS, &name);
        }
    }
}

#[test]
fn totals_sum_all_levels() {
    let gpu = gpu();
    let mut random = Random::new(62);
    for (rows, width) in [(1, 3), (32, 3), (1025, 5), (40_000, 2)] {
        let x: Vec<f32> = random
            .normals(rows * width)
            .iter()
            .map(|x| x + 100.0)
            .collect();
        let shift = vec![99.0; width];
        let input = gpu.upload(rows, width, &x).expect("x");
        let shifts = gpu.upload(1, width, &shift).expect("shift");
        for square in [false, true] {
            let what = ColumnSums {
                shift: Some((&shifts, 0)),
                square,
                factor: 1.0 / rows as f32,
            };
            let expected = reference::column_sums(&x, &shift, square, rows, what.factor);
            let out = gpu.tensor(DType::F32, 2, width).expect("out");
            let calls = column_totals(&gpu, &input, &what, &out, 1).expect("shapes");
            let found = run(&gpu, calls, &out);
            let name = format!("[{rows}, {width}] {square}");
            assert_close(&found[width..], &expected, 1e-6, &name);
        }
    }
}
