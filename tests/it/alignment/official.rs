//! The released script's definitions.

use faer::{Mat, Side, linalg::solvers::DenseSolveCore};
use mirscope::{
    alignment::MirSettings,
    gpu::KernelVariant,
    report::{Definition, Outliers},
};

use super::{
    clouds::{Cloud, normal},
    oracle,
    run::{device, measure},
};
use crate::support::Random;

fn settings(definition: Definition) -> MirSettings {
    MirSettings {
        definition,
        outliers: Outliers::Keep,
        intervals: false,
        ranks: false,
    }
}

/// The principal square root of a symmetric positive semi-definite matrix.
fn square_root(matrix: &Mat<f64>) -> Mat<f64> {
    let eigen = matrix.self_adjoint_eigen(Side::Lower).expect("converges");
    let (vectors, values) = (eigen.U(), eigen.S().column_vector());
    let scaled = Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| {
        vectors[(i, j)] * values[j].max(0.0).sqrt()
    });
    &scaled * vectors.transpose()
}

fn trace(matrix: &Mat<f64>) -> f64 {
    (0..matrix.nrows()).map(|i| matrix[(i, i)]).sum()
}

/// Covariances of clouds scaled so that the text's mean norm is 1, and the squared distance of the
/// means.
fn scaled(vision: &Cloud, text: &Cloud) -> (Mat<f64>, Mat<f64>, f64) {
    let alpha = 1.0 / oracle::mean_norm(text);
    let location: f64 = (oracle::mean(vision).iter().zip(oracle::mean(text)))
        .map(|(v, t)| (alpha * (v - t)).powi(2))
        .sum();
    let covariance = |cloud: &Cloud| oracle::covariance(cloud) * faer::Scale(alpha * alpha);
    (covariance(vision), covariance(text), location)
}

#[test]
fn official_accurate_equals_the_matrix_square_root() {
    let mut random = Random::new(201);
    let gpu = device(KernelVariant::Direct);
    for (n_v, n_t, condition) in [(200, 150, 30.0), (60, 400, 1e4), (20, 100, 10.0)] {
        let vision = normal(&mut random, n_v, 32, condition, 3.0);
        let text = normal(&mut random, n_t, 32, condition, 1.0);
        let (s_v, s_t, location) = scaled(&vision, &text);
        // Tr (S_v S_t)^(1/2) by way of the similar symmetric matrix S_v^(1/2) S_t S_v^(1/2).
        let root = square_root(&s_v);
        let inner = &root * &s_t * &root;
        let expected = location + trace(&s_v) + trace(&s_t) - 2.0 * trace(&square_root(&inner));
        let found = measure(
            &gpu,
            settings(Definition::OfficialAccurate),
            &[(vision, text)],
        );
        let error = (found.layers[0].frechet / expected - 1.0).abs();
        println!("official-accurate n {n_v} {n_t}: {error:.1e}");
        assert!(error < 1e-6, "{} for {expected}", found.layers[0].frechet);
        assert_eq!(found.mir, Some(found.layers[0].frechet.log10()));
        assert_eq!(found.layers[0].frechet_upper, None);
    }
}

#[test]
fn official_fast_equals_the_released_loop() {
    let mut random = Random::new(202);
    let gpu = device(KernelVariant::Direct);
    for (n_v, n_t, spread) in [(300, 300, 1.0), (300, 200, 3.0)] {
        let vision = normal(&mut random, n_v, 24, 5.0, 1.0).scaled(spread);
        let text = normal(&mut random, n_t, 24, 5.0, 1.0);
        let (s_v, s_t, location) = scaled(&vision, &text);
        let product = &s_v * &s_t;
        let (mut y, mut z) = (product.clone(), Mat::<f64>::identity(24, 24));
        for _ in 0..20 {
            let next_y = (&y + z.partial_piv_lu().inverse() * &product) * faer::Scale(0.5);
            let next_z = (&z + y.partial_piv_lu().inverse() * &product) * faer::Scale(0.5);
            (y, z) = (next_y, next_z);
        }
        let upper = location + trace(&s_v) + trace(&s_t);
        let expected = upper - 2.0 * trace(&y);
        let found = measure(&gpu, settings(Definition::OfficialFast), &[(vision, text)]);
        let layer = &found.layers[0];
        let error = (layer.frechet - expected).abs() / upper;
        println!("official-fast n {n_v} {n_t}: F {expected:.4}, off by {error:.1e} of the sum");
        assert!(error < 1e-6, "{} for {expected}", layer.frechet);
        let bracket = layer.frechet_upper.expect("the bracket's upper end");
        assert!(
            (bracket / upper - 1.0).abs() < 1e-6,
            "{bracket} for {upper}"
        );
        // The parts are those of the exact distance all the same.
        assert!(layer.shape >= 0.0 && layer.location > 0.0);
    }
}

#[test]
fn official_fast_may_be_negative_and_then_has_no_mir() {
    let mut random = Random::new(203);
    let gpu = device(KernelVariant::Direct);
    // Almost all variance in one direction: Tr (S_v S_t) is about (Tr S)^2.
    let base = normal(&mut random, 300, 16, 10.0, 0.0);
    let cloud = base.map(|dimension, x| if dimension == 0 { 30.0 * x } else { x });
    let vision = cloud.scaled(3.0);
    let found = measure(
        &gpu,
        settings(Definition::OfficialFast),
        &[(vision.clone(), cloud.clone())],
    );
    let expected = {
        let alpha = 1.0 / oracle::mean_norm(&cloud);
        let parts = oracle::parts(&vision, &cloud);
        alpha.powi(2) * parts.upper() - 2.0 * alpha.powi(4) * parts.product
    };
    let layer = &found.layers[0];
    assert!(expected < 0.0, "{expected}");
    assert!(
        (layer.frechet / expected - 1.0).abs() < 1e-6,
        "{} for {expected}",
        layer.frechet
    );
    assert_eq!(found.mir, None);
    assert!(found.norm_matched_mir.is_some());
}
