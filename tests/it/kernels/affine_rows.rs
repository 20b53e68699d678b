//! `affine_rows` against its twin.

use mirscope::{kernels::affine_rows::affine_rows, reference};

use crate::support::{Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(72);
    for (rows, width) in [(1, 1), (3, 5), (65, 70)] {
        let x = random.normals(rows * width);
        let (factors, shifts) = (random.normals(width), random.normals(width));
        let input = gpu.upload(rows, width, &x).expect("x");
        let two = |row: &[f32]| {
            let rows = [vec![f32::NAN; width], row.to_vec()].concat();
            gpu.upload(2, width, &rows).expect("parameters")
        };
        let call = affine_rows(&input, &two(&factors), &two(&shifts), 1).expect("shapes");
        let found = run(&gpu, [call], &input);
        let expected = reference::affine_rows(&x, &factors, &shifts);
        // Two roundings per value.
        assert_close(&found, &expected, 2e-7, &format!("[{rows}, {width}]"));
    }
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let zeros = |rows: usize, cols: usize| gpu.upload(rows, cols, &vec![0.0; rows * cols]).unwrap();
    let (x, row) = (zeros(2, 5), zeros(1, 5));
    assert!(affine_rows(&x, &row, &row, 0).is_ok());
    assert!(affine_rows(&x, &row, &row, 1).is_err());
    assert!(affine_rows(&x, &row, &zeros(1, 4), 0).is_err());
}
