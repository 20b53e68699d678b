use std::f32::consts::FRAC_1_SQRT_2;

use mirscope::{
    gpu::DType,
    kernels::{Activation, activation::activation},
    reference,
};

use crate::support::{Random, assert_close, gpu, run};

#[test]
fn equals_its_twin_over_the_whole_range() {
    let gpu = gpu();
    let mut random = Random::new(1);
    for (rows, cols) in [(1, 1), (3, 5), (7, 64), (2, 1001)] {
        let mut x = random.normals(rows * cols);
        // Where exponentials overflow and where erf changes its branch.
        for (value, special) in x.iter_mut().zip([
            0.0,
            -FRAC_1_SQRT_2,
            FRAC_1_SQRT_2,
            30.0,
            -30.0,
            100.0,
            -100.0,
        ]) {
            *value = special;
        }
        let input = gpu.upload(rows, cols, &x).expect("upload");
        for kind in Activation::ALL {
            let out = gpu.tensor(DType::F32, rows, cols).expect("tensor");
            let found = run(
                &gpu,
                [activation(&input, kind, &out).expect("shapes")],
                &out,
            );
            let expected = reference::activation(&x, kind);
            assert_close(
                &found,
                &expected,
                1e-6,
                &format!("{kind:?} [{rows}, {cols}]"),
            );
        }
    }
}
