//! `column_medians` against its twin.

use mirscope::{
    gpu::DType,
    kernels::{
        column_medians::{column_medians, column_medians_with},
        norm_stats::STATS,
    },
    reference,
};

use super::VARIANTS;
use crate::support::{Random, gpu, run};

#[test]
fn equals_its_twin_exactly() {
    let gpu = gpu();
    let mut random = Random::new(41);
    for (rows, width) in [(1, 1), (2, 5), (3, 8), (64, 9), (65, 70), (501, 13)] {
        let mut x = random.normals(rows * width);
        // Ties, zeros of both signs and very different sizes.
        for value in x.iter_mut().step_by(3) {
            *value = value.round();
        }
        for value in x.iter_mut().step_by(7) {
            *value *= 1e-20;
        }
        let input = gpu.upload(rows, width, &x).expect("x");
        // The second layer's statistics count an outlier.
        let mut stats = vec![0.0; 2 * STATS];
        stats[STATS + 3] = 1.0;
        let stats = gpu.upload(2, STATS, &stats).expect("stats");
        let expected = reference::column_medians(&x, width);
        for variant in VARIANTS {
            let out = gpu.upload(1, width, &vec![9.0; width]).expect("out");
            let call = |layer| column_medians_with(variant, &input, &stats, layer, &out);
            let found = run(&gpu, [call(0).expect("shapes")], &out);
            assert!(found.iter().all(|&value| value == 9.0), "{variant:?}");
            let found = run(&gpu, [call(1).expect("shapes")], &out);
            assert_eq!(found, expected, "{variant:?} [{rows}, {width}]");
        }
    }
}

#[test]
fn needs_fitting_shapes() {
    let gpu = gpu();
    let x = gpu.tensor(DType::F32, 4, 6).expect("x");
    let stats = gpu.tensor(DType::F32, 1, STATS).expect("stats");
    let out = gpu.tensor(DType::F32, 1, 6).expect("out");
    for variant in VARIANTS {
        assert!(column_medians_with(variant, &x, &stats, 0, &out).is_ok());
        assert!(column_medians_with(variant, &x, &stats, 1, &out).is_err());
        assert!(column_medians_with(variant, &x, &stats, 0, &stats).is_err());
    }
}

/// A software adapter ends the loops of an invocation early: the variant must not be one that does so.
#[test]
fn goes_through_any_number_of_rows() {
    let gpu = gpu();
    let x = Random::new(42).normals(20_001 * 4);
    let input = gpu.upload(20_001, 4, &x).expect("x");
    let mut stats = vec![0.0; STATS];
    stats[3] = 1.0;
    let stats = gpu.upload(1, STATS, &stats).expect("stats");
    let out = gpu.tensor(DType::F32, 1, 4).expect("out");
    let call = column_medians(&gpu, &input, &stats, 0, &out).expect("shapes");
    assert_eq!(run(&gpu, [call], &out), reference::column_medians(&x, 4));
}
