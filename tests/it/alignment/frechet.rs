//! The exact distance on easy and hard clouds, and its invariants.

use mirscope::gpu::{Gpu, KernelVariant};

use super::{
    clouds::{Cloud, normal, rotation},
    oracle,
    run::{PLAIN, device, measure},
};
use crate::support::Random;

/// Hard and easy pairs of clouds: name, vision, text.
fn cases() -> Vec<(&'static str, Cloud, Cloud)> {
    let mut random = Random::new(11);
    let r = &mut random;
    let outlier_dimensions = |cloud: &Cloud| {
        cloud.map(|dimension, value| match dimension {
            3 | 17 => 1000.0 * value,
            _ => value,
        })
    };
    let mut cases = vec![
        (
            "well conditioned, n > d",
            normal(r, 300, 24, 10.0, 2.0),
            normal(r, 500, 24, 10.0, 1.0),
        ),
        (
            "condition 1e6, other directions",
            normal(r, 600, 48, 1e6, 1.0),
            normal(r, 400, 48, 1e6, 1.0),
        ),
        (
            "condition 1e12 (1e6 in the rows)",
            normal(r, 600, 48, 1e12, 1.0),
            normal(r, 400, 48, 1e12, 1.0),
        ),
        (
            "n < d on both sides",
            normal(r, 20, 48, 100.0, 1.0),
            normal(r, 33, 48, 100.0, 1.0),
        ),
        (
            "n < d on one side",
            normal(r, 400, 48, 1e6, 1.0),
            normal(r, 31, 48, 100.0, 1.0),
        ),
        (
            "n = d + 1 on both sides",
            normal(r, 49, 48, 100.0, 1.0),
            normal(r, 49, 48, 1e6, 1.0),
        ),
        (
            "n = d",
            normal(r, 48, 48, 100.0, 1.0),
            normal(r, 48, 48, 1e6, 1.0),
        ),
        (
            "two tokens each",
            normal(r, 2, 24, 10.0, 1.0),
            normal(r, 2, 24, 10.0, 1.0),
        ),
        (
            "odd width, norm ratio 1e7",
            normal(r, 150, 37, 10.0, 1.0).scaled(1e4),
            normal(r, 200, 37, 10.0, 1.0).scaled(1e-3),
        ),
        (
            "d = 192",
            normal(r, 600, 192, 1e4, 1.0),
            normal(r, 600, 192, 1e4, 1.0),
        ),
        (
            // Wide enough for the device to take singular values where it is no software adapter.
            "d = 260",
            normal(r, 300, 260, 1e4, 1.0),
            normal(r, 280, 260, 100.0, 1.0),
        ),
    ];
    let (v, t) = (
        normal(r, 400, 48, 100.0, 1.0),
        normal(r, 300, 48, 100.0, 1.0),
    );
    cases.push((
        "dimensions 1000 times larger",
        outlier_dimensions(&v),
        outlier_dimensions(&t),
    ));
    cases.push((
        "dimensions 1000 times larger, one side",
        outlier_dimensions(&v),
        t.clone(),
    ));
    cases.push((
        "means 1000 times the spread",
        v.map(|_, x| x + 200.0),
        t.map(|_, x| x + 200.0),
    ));
    cases.push((
        "means 1e5 times the spread",
        v.map(|_, x| x + 20_000.0),
        t.map(|_, x| x + 20_000.0),
    ));
    // The text is the vision cloud, its rows in another order, plus little.
    let near = Cloud {
        width: v.width,
        values: v.values.iter().map(|x| x * 1.001).collect(),
    };
    cases.push(("nearly identical", v.clone(), near));
    let few = normal(r, 20, 48, 10.0, 1.0);
    let repeated = Cloud {
        width: 48,
        values: (few.values.iter().cycle().take(20 * 48 * 20).copied()).collect(),
    };
    cases.push(("rank 19 in 400 tokens", repeated, t));
    cases
}

/// Prints the errors of all cases and fails with those that miss the bar.
#[allow(clippy::print_stdout)]
fn check(gpu: &Gpu) {
    let mut worst: f64 = 0.0;
    let mut failures = Vec::new();
    for (name, vision, text) in cases() {
        let expected = oracle::parts(&vision, &text);
        let alpha = 1.0 / oracle::mean_norm(&text);
        let found = measure(gpu, PLAIN, &[(vision, text)]).layers.remove(0);
        let frechet = alpha * alpha * expected.frechet();
        let upper = alpha * alpha * expected.upper();
        let error = (found.frechet - frechet).abs();
        println!(
            "{:6} {name:40} F {frechet:10.3e}  of F {:8.1e}  of the sum {:8.1e}",
            gpu.kernels().name(),
            error / frechet.abs(),
            error / upper,
        );
        let bar = (1e-4 * frechet.abs()).max(1e-6 * upper);
        worst = worst.max(error / bar);
        if error.is_nan() || error > bar {
            failures.push(format!("{name}: {} for {frechet}", found.frechet));
        }
        let sum = found.location + found.spread + found.shape;
        if (sum - found.frechet).abs() > 1e-12 * upper {
            failures.push(format!("{name}: parts add up to {sum}"));
        }
    }
    println!("worst: {worst:.3} of what is allowed");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn exact_distance_direct() {
    check(&device(KernelVariant::Direct));
}

#[test]
fn exact_distance_tiled() {
    check(&device(KernelVariant::Tiled));
}

#[test]
fn a_cloud_is_at_distance_zero_to_itself() {
    let gpu = device(KernelVariant::Direct);
    let mut random = Random::new(12);
    for (tokens, width, condition) in [(200, 48, 1e6), (49, 48, 10.0), (20, 48, 10.0)] {
        let cloud = normal(&mut random, tokens, width, condition, 1.0);
        let upper = oracle::parts(&cloud, &cloud).upper() / oracle::mean_norm(&cloud).powi(2);
        let found = measure(&gpu, PLAIN, &[(cloud.clone(), cloud)]);
        let distance = found.layers[0].frechet;
        println!("n {tokens}: {:.1e} of the sum", distance / upper);
        assert!((0.0..1e-6 * upper).contains(&distance), "{distance}");
    }
}

#[test]
fn scales_with_the_square_and_does_not_change_when_turned() {
    let gpu = device(KernelVariant::Direct);
    let mut random = Random::new(13);
    let vision = normal(&mut random, 100, 30, 1e3, 2.0);
    let text = normal(&mut random, 40, 30, 1e3, 1.0);
    let axes = rotation(&mut random, 30);
    let distance = |vision: &Cloud, text: &Cloud| {
        let layer = measure(&gpu, PLAIN, &[(vision.clone(), text.clone())])
            .layers
            .remove(0);
        // Back to the units of the states.
        layer.frechet * layer.mean_norms[1].powi(2)
    };
    let plain = distance(&vision, &text);
    for factor in [1e-3, 0.7, 1e4_f32] {
        let scaled = distance(&vision.scaled(factor), &text.scaled(factor));
        let expected = plain * f64::from(factor).powi(2);
        println!(
            "scaled by {factor}: {:.1e}",
            (scaled / expected - 1.0).abs()
        );
        assert!((scaled / expected - 1.0).abs() < 1e-6);
    }
    let turned = distance(&vision.rotated(&axes), &text.rotated(&axes));
    println!("turned: {:.1e}", (turned / plain - 1.0).abs());
    assert!((turned / plain - 1.0).abs() < 1e-6);
}
