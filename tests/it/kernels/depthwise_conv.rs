use mirscope::{gpu::DType, kernels::depthwise_conv::depthwise_conv, reference};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(82);
    for (side, channels, size) in [
        (1, 1, 3),
        (2, 5, 3),
        (3, 7, 1),
        (4, 64, 3),
        (9, 70, 3),
        (5, 6, 5),
        (2, 3, 7),
    ] {
        let x = random.normals(side * side * channels);
        let weight = random.normals(size * size * channels);
        let x_t = gpu.upload(side * side, channels, &x).unwrap();
        let weight_t = gpu.upload(size * size, channels, &weight).unwrap();
        let out = gpu.tensor(DType::F32, side * side, channels).unwrap();
        let call = depthwise_conv(&x_t, side, &weight_t, size, &out).unwrap();
        assert_close(
            &run(&gpu, [call], &out),
            &reference::depthwise_conv(&x, side, &weight, size),
            F32_SUMS,
            &format!("{side} x {side}, {channels} channels, {size} x {size}"),
        );
    }
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
