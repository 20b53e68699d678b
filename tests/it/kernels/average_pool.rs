use mirscope::{gpu::DType, kernels::average_pool::average_pool, reference};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(81);
    // Whole windows, overlapping ones, the mean of everything, the grid itself, and more positions
    // than there were.
    for (side, out_side, channels) in [
        (1, 1, 1),
        (4, 2, 6),
        (5, 3, 5),
        (7, 4, 70),
        (13, 1, 3),
        (3, 3, 9),
        (2, 5, 4),
        (24, 8, 33),
    ] {
        let x = random.normals(side * side * channels);
        let x_t = gpu.upload(side * side, channels, &x).unwrap();
        let out = gpu
            .tensor(DType::F32, out_side * out_side, channels)
            .unwrap();
        let call = average_pool(&gpu, &x_t, side, &out, out_side).unwrap();
        assert_close(
            &run(&gpu, [call], &out),
            &reference::average_pool(&x, side, out_side),
            F32_SUMS,
            &format!("{side} to {out_side}, {channels} channels"),
        );
    }
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
