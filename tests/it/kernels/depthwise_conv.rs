//! `depthwise_conv` against its twin, and what it refuses.

use mirscope::{gpu::DType, kernels::depthwise_conv::depthwise_conv, reference};

use crate::support::gpu;

#[test]
fn equals_its_twin() {
    super::passes("depthwise_conv");
}

#[test]
fn the_kernel_is_not_mirrored() {
    // torch.nn.functional.conv2d of [[1, 2], [3, 4]] with a kernel that is 1 at its upper left takes
    // the neighbor above and to the left.
    let mut weight = [0.0; 9];
    weight[0] = 1.0;
    let found = reference::depthwise_conv(&[1.0, 2.0, 3.0, 4.0], 2, &weight, 3);
    assert_eq!(found, [0.0, 0.0, 0.0, 1.0]);
}

#[test]
fn refuses_what_does_not_fit() {
    let gpu = gpu();
    let of = |rows: usize, cols: usize| gpu.tensor(DType::F32, rows, cols).unwrap();
    let x = of(9, 4);
    assert!(depthwise_conv(&x, 3, &of(9, 4), 3, &of(9, 4)).is_ok());
    assert!(depthwise_conv(&x, 3, &of(4, 4), 2, &of(9, 4)).is_err());
    assert!(depthwise_conv(&x, 2, &of(9, 4), 3, &of(4, 4)).is_err());
    assert!(depthwise_conv(&x, 3, &of(9, 3), 3, &of(9, 4)).is_err());
}
