use mirscope::{gpu::DType, kernels::patchify::patchify, reference};

use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(16);
    // The last two have pixels beyond the last whole patch.
    for (channels, height, width, size) in [
        (1, 1, 1, 1),
        (3, 28, 28, 14),
        (3, 21, 14, 7),
        (2, 11, 13, 4),
        (3, 30, 17, 14),
    ] {
        let image = random.normals(channels * height * width);
        let expected = reference::patchify(&image, channels, height, width, size);
        let image_t = gpu.upload(channels * height, width, &image).unwrap();
        let row = channels * size * size;
        let out = gpu.tensor(DType::F32, expected.len() / row, row).unwrap();
        let found = run(
            &gpu,
            [patchify(&image_t, channels, size, &out).unwrap()],
            &out,
        );
        assert_eq!(found, expected, "{channels} {height} {width} {size}");
    }
}
