//! `add_rows` against its twin, and what it refuses.

use mirscope::{gpu::DType, kernels::add_rows::add_rows};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("add_rows");
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let of = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    assert!(add_rows(&of(5, 3), 1, &of(4, 3), &of(4, 3)).is_ok());
    assert!(add_rows(&of(5, 3), 2, &of(4, 3), &of(4, 3)).is_err());
    assert!(add_rows(&of(5, 3), 0, &of(4, 4), &of(4, 3)).is_err());
    assert!(add_rows(&of(5, 3), 0, &of(4, 3), &of(5, 3)).is_err());
}
