//! `affine_rows` against its twin, and what it refuses.

use mirscope::kernels::affine_rows::affine_rows;

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("affine_rows");
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let zeros = |rows: usize, cols: usize| gpu.upload(rows, cols, &vec![0.0; rows * cols]).unwrap();
    let (x, row) = (zeros(2, 5), zeros(1, 5));
    assert!(affine_rows(&x, &row, &row, 0, None).is_ok());
    assert!(affine_rows(&x, &row, &row, 1, None).is_err());
    assert!(affine_rows(&x, &row, &zeros(1, 4), 0, None).is_err());
    assert!(affine_rows(&x, &row, &row, 0, Some(&row)).is_err());
}
