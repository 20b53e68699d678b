//! `space_to_depth` against its twin, and what it refuses.

use mirscope::{gpu::DType, kernels::space_to_depth::space_to_depth, reference};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("space_to_depth");
}

#[test]
fn a_square_comes_row_by_row() {
    let x: Vec<f32> = (0..16u8).map(f32::from).collect();
    let found = reference::space_to_depth(&x, 4, 2);
    assert_eq!(found[..4], [0.0, 1.0, 4.0, 5.0]);
    assert_eq!(found[8..12], [8.0, 9.0, 12.0, 13.0]);
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let of = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    assert!(space_to_depth(&of(16, 3), 4, 2, &of(4, 12)).is_ok());
    assert!(space_to_depth(&of(16, 3), 4, 3, &of(1, 27)).is_err());
    assert!(space_to_depth(&of(16, 3), 4, 0, &of(4, 12)).is_err());
    assert!(space_to_depth(&of(12, 3), 4, 2, &of(4, 12)).is_err());
    assert!(space_to_depth(&of(16, 3), 4, 2, &of(4, 11)).is_err());
}
