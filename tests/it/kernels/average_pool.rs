//! `average_pool` against its twin, and what it refuses.

use mirscope::{gpu::DType, kernels::average_pool::average_pool, reference};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("average_pool");
}

#[test]
fn windows_are_those_of_pytorch() {
    // torch.nn.functional.adaptive_avg_pool2d(torch.arange(9.).view(1, 1, 3, 3), 2)
    let x: Vec<f32> = (0..9u8).map(f32::from).collect();
    assert_eq!(reference::average_pool(&x, 3, 2), [2.0, 3.0, 5.0, 6.0]);
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let of = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    assert!(average_pool(&gpu, &of(9, 3), 3, &of(4, 3), 2).is_ok());
    assert!(average_pool(&gpu, &of(10, 3), 3, &of(4, 3), 2).is_err());
    assert!(average_pool(&gpu, &of(9, 3), 3, &of(4, 4), 2).is_err());
    assert!(average_pool(&gpu, &of(9, 3), 3, &of(3, 3), 2).is_err());
}
