//! `token_norms` against its twin.

use mirscope::{kernels::token_norms::token_norms, reference};

use super::VARIANTS;
use crate::support::{F32_SUMS, Random, assert_close, gpu, run};

/// The norms by each variant, written to the second of three rows.
fn check(x: &[f32], width: usize, what: &str) {
    let gpu = gpu();
    let rows = x.len() / width;
    let expected = reference::token_norms(x, width);
    let input = gpu.upload(rows, width, x).expect("x");
    for variant in VARIANTS {
        let out = gpu.upload(3, rows, &vec![-1.0; 3 * rows]).expect("out");
        let call = token_norms(variant, &input, &out, 1).expect("shapes");
        let found = run(&gpu, [call], &out);
        let own = &found[rows..2 * rows];
        let (finite, others): (Vec<usize>, Vec<usize>) =
            (0..rows).partition(|&row| expected[row].is_finite());
        for &row in &others {
            assert_eq!(own[row], f32::INFINITY, "{variant:?} {what} row {row}");
        }
        for &row in &finite {
            assert_close(
                &own[row..=row],
                &expected[row..=row],
                F32_SUMS,
                &format!("{variant:?} {what} row {row}"),
            );
        }
        assert!(found[..rows].iter().all(|&value| value == -1.0));
        assert!(found[2 * rows..].iter().all(|&value| value == -1.0));
    }
}

#[test]
fn equals_its_twin() {
    let mut random = Random::new(21);
    for (rows, width) in [(1, 1), (2, 3), (65, 33), (130, 64), (7, 1001)] {
        let x = random.normals(rows * width);
        check(&x, width, &format!("[{rows}, {width}]"));
    }
}

#[test]
fn keeps_its_accuracy_over_the_range_of_f32() {
    let mut random = Random::new(22);
    for scale in [1e-25_f32, 1e-12, 1e12, 1e30] {
        let x: Vec<f32> = random.normals(5 * 40).iter().map(|x| x * scale).collect();
        check(&x, 40, &format!("scaled by {scale}"));
    }
    check(&[0.0; 12], 4, "zeros");
}

#[test]
fn marks_rows_that_are_not_finite() {
    let mut random = Random::new(23);
    let width = 70;
    let mut x = random.normals(6 * width);
    x[width + 69] = f32::NAN;
    x[2 * width] = f32::INFINITY;
    x[4 * width + 5] = f32::NEG_INFINITY;
    x[5 * width + 66] = -f32::NAN;
    check(&x, width, "broken");
}
