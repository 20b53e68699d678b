//! `rotary` against its twin.

use mirscope::kernels::rotary::rotary;

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("rotary");
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let gpu = gpu();
    let x = gpu.upload(7, 12, &[0.0; 84]).unwrap();
    let table = |rows, cols| gpu.upload(rows, cols, &vec![0.0; rows * cols]).unwrap();
    assert!(rotary(&x, &table(7, 6), 6).is_ok());
    assert!(rotary(&x, &table(6, 6), 6).is_err());
    assert!(rotary(&x, &table(7, 4), 6).is_err());
    assert!(rotary(&x, &table(7, 5), 5).is_err());
}
