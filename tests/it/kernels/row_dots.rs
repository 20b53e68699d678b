//! `row_dots` against its twin.

use mirscope::{kernels::row_dots::row_dots, reference};

use super::VARIANTS;
use crate::support::{Random, assert_close, gpu, run};

#[test]
fn equals_its_twin() {
    let gpu = gpu();
    let mut random = Random::new(91);
    for (rows, cols) in [(1, 1), (3, 5), (70, 63), (5, 1000)] {
        let a = random.normals(rows * cols);
        let b: Vec<f32> = a
            .iter()
            .zip(random.normals(rows * cols))
            .map(|(a, noise)| a + noise)
            .collect();
        let at = gpu.upload(rows, cols, &a).expect("a");
        let bt = gpu.upload(rows, cols, &b).expect("b");
        let expected = reference::row_dots(&a, &b, cols);
        for variant in VARIANTS {
            let out = gpu.upload(rows + 2, 1, &vec![4.0; rows + 2]).expect("out");
            let call = row_dots(variant, &at, &bt, &out, 1).expect("shapes");
            let found = run(&gpu, [call], &out);
            let name = format!("{variant:?} [{rows}, {cols}]");
            assert_close(&found[1..=rows], &expected, 2e-6, &name);
            assert_eq!((found[0], found[rows + 1]), (4.0, 4.0), "{name}");
        }
    }
}
