use mirscope::{
    gpu::DType,
    kernels::{Activation, swiglu::swiglu},
    reference,
};

use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(13);
    for (rows, cols) in [(1, 1), (3, 5), (7, 66), (33, 129)] {
        let (gate, up) = (random.normals(rows * cols), random.normals(rows * cols));
        let (g, u) = (
            gpu.upload(rows, cols, &gate).unwrap(),
            gpu.upload(rows, cols, &up).unwrap(),
        );
        for activation in Activation::ALL {
            let out = gpu.tensor(DType::F32, rows, cols).unwrap();
            let found = run(&gpu, [swiglu(&g, &u, activation, &out).unwrap()], &out);
            let expected = reference::swiglu(&gate, &up, activation);
            assert_close(
                &found,
                &expected,
                F32_SUMS,
                &format!("{activation:?} {rows} {cols}"),
            );
        }
    }
}
