//! Singular values on the CPU against those of faer.

use faer::Mat;
use mirscope::{
    alignment::singular::{Norms, norms},
    gpu::GpuError,
    platform::Cancel,
};

use crate::support::Random;

fn found(k: &[f32], rows: usize, cols: usize) -> Norms {
    norms(k, rows, cols, &Cancel::default()).expect("not cancelled")
}

/// Fails where the sums are not those of faer's singular values.
#[allow(clippy::print_stdout)]
fn check(what: &str, k: &[f32], rows: usize, cols: usize) {
    let matrix = Mat::from_fn(rows, cols, |i, j| f64::from(k[i * cols + j]));
    let values = matrix.singular_values().expect("the SVD converges");
    let (nuclear, squares): (f64, f64) = (
        values.iter().sum(),
        values.iter().map(|value| value * value).sum(),
    );
    let Norms {
        nuclear: sum,
        squares: sum_of_squares,
    } = found(k, rows, cols);
    let errors = [
        (sum - nuclear).abs() / nuclear,
        (sum_of_squares - squares).abs() / squares,
    ];
    println!(
        "{what} [{rows}, {cols}]: {:.1e} {:.1e}",
        errors[0], errors[1]
    );
    assert!(
        errors.iter().all(|&error| error < 1e-12),
        "{what}: {sum} for {nuclear}"
    );
}

#[test]
fn sums_of_singular_values_in_every_shape() {
    let mut random = Random::new(601);
    for rows in [1, 2, 3, 31, 32, 33, 64, 100] {
        for cols in [1, 2, 5, 32, 47, 65, 100, 150] {
            check("normal", &random.normals(rows * cols), rows, cols);
        }
    }
}

#[test]
fn sums_of_singular_values_of_hard_matrices() {
    let mut random = Random::new(602);
    let n = 90;
    let normal = random.normals(n * n);
    let grade = |falling: bool, base: f64| -> Vec<f32> {
        let scale = |at: usize| match falling {
            true => base.powi(-((at / n) as i32)),
            false => base.powi((at % n) as i32 - n as i32),
        };
        (normal.iter().enumerate())
            .map(|(at, &x)| (f64::from(x) * scale(at)) as f32)
            .collect()
    };
    check("rows that fall by 1e-27", &grade(true, 2.0), n, n);
    check("columns that rise by 1e-27", &grade(false, 2.0), n, n);
    check("rows that fall into subnormals", &grade(true, 3.0), n, n);
    let of_rank = |rank: usize, random: &mut Random| -> Vec<f32> {
        let (left, right) = (random.normals(n * rank), random.normals(n * rank));
        let sum = |at: usize| {
            (0..rank)
                .map(|t| left[at / n * rank + t] * right[at % n * rank + t])
                .sum()
        };
        (0..n * n).map(sum).collect()
    };
    for rank in [1, 2, 33, 60] {
        check("of low rank", &of_rank(rank, &mut random), n, n);
    }
    let identity: Vec<f32> = (0..n * n)
        .map(|at| f32::from(u8::from(at % (n + 1) == 0)))
        .collect();
    check("identity", &identity, n, n);
    let shifted: Vec<f32> = (0..n * n)
        .map(|at| f32::from(u8::from(at / n + 1 == at % n)))
        .collect();
    check("nilpotent", &shifted, n, n);
    check("all equal", &vec![0.3; n * n], n, n);
    let mut hollow = normal.clone();
    hollow
        .iter_mut()
        .enumerate()
        .filter(|(at, _)| at % n % 3 == 0)
        .for_each(|(_, x)| *x = 0.0);
    check("every third column zero", &hollow, n, n);
    let cumulated: Vec<f32> = (0..n * n)
        .map(|at| f32::from(u8::from(at / n <= at % n)))
        .collect();
    check("ones above the diagonal", &cumulated, n, n);
    for scale in [1e-30, 1e30] {
        let scaled: Vec<f32> = normal.iter().map(|x| x * scale).collect();
        check("far from 1", &scaled, n, n);
    }
}

#[test]
fn nothing_has_no_norm_and_what_is_not_finite_none_that_counts() {
    for (rows, cols) in [(0, 0), (0, 3), (3, 0), (4, 4)] {
        let zero = found(&vec![0.0; rows * cols], rows, cols);
        assert_eq!((zero.nuclear, zero.squares), (0.0, 0.0));
    }
    for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut k = vec![1.0; 40 * 40];
        k[777] = odd;
        assert!(found(&k, 40, 40).nuclear.is_nan());
    }
    let cancel = Cancel::default();
    cancel.cancel();
    assert_eq!(norms(&[1.0; 4], 2, 2, &cancel), Err(GpuError::Cancelled));
}
