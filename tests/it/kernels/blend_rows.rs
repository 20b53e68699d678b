//! `blend_rows` against its twin, and what it refuses.

use mirscope::{gpu::DType, kernels::blend_rows::blend_rows};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("blend_rows");
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let of = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    let eight = gpu.upload_indices(&[0; 8]).unwrap();
    let seven = gpu.upload_indices(&[0; 7]).unwrap();
    assert!(blend_rows(&eight, &of(1, 8), &of(3, 5), &of(2, 5)).is_ok());
    assert!(blend_rows(&seven, &of(1, 7), &of(3, 5), &of(2, 5)).is_err());
    assert!(blend_rows(&eight, &of(1, 4), &of(3, 5), &of(2, 5)).is_err());
    assert!(blend_rows(&eight, &of(1, 8), &of(3, 5), &of(1, 5)).is_err());
    assert!(blend_rows(&eight, &of(1, 8), &of(3, 4), &of(2, 5)).is_err());
}
