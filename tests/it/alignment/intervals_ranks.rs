//! Intervals of the effective rank against pairs that are drawn anew: a bootstrap of whole pairs is no measure of them.

use mirscope::{
    alignment::effective_ranks,
    gpu::KernelVariant,
    report::{Outliers, standard_error},
};

use super::{
    clouds::Cloud,
    intervals::{Layer, PAIRS, WIDTH, by_weights, count, measured, with_intervals},
    run::device,
};
use crate::support::Random;

/// Clouds whose directions are as large as a power of their number says, vision and text. The tokens of a pair lie together
/// and differ in length from those of others.
fn fresh(random: &mut Random, width: usize, powers: [f64; 2]) -> Layer {
    [0, 1].map(|side| {
        let sizes = (1..=width).map(|k| (k as f64).powf(-powers[side]));
        let sizes: Vec<f64> = sizes.collect();
        let mut values = Vec::new();
        for pair in 0..PAIRS {
            let length = (0.2 * random.normal()).exp();
            let shift: Vec<f64> = (0..width).map(|_| 0.6 * random.normal()).collect();
            for _ in 0..count(side, pair) {
                let row = sizes.iter().zip(&shift);
                let row =
                    row.map(|(size, shift)| (length * size * (random.normal() + shift)) as f32);
                values.extend(row);
            }
        }
        Cloud { width, values }
    })
}

/// Of clouds that fill their directions evenly a bootstrap of whole pairs tells a third too much; pairs that are drawn anew
/// tell how far the rank really moves.
#[test]
#[allow(clippy::print_stdout)]
fn standard_errors_of_ranks_are_those_of_fresh_pairs() {
    const FRESH: usize = 600;
    const EACH: usize = 10;
    let mut random = Random::new(17);
    let gpu = device(KernelVariant::Direct);
    let names = ["a".to_owned()];
    let mut values = [Vec::new(), Vec::new()];
    let mut errors = [0.0; 2];
    for at in 0..FRESH {
        let layers = [fresh(&mut random, WIDTH, [0.2, 0.75])];
        let ranks = by_weights(&layers, Outliers::Keep)(&[1.0; PAIRS]);
        for (values, rank) in values.iter_mut().zip(&ranks[0][4..]) {
            values.push(*rank);
        }
        if at % EACH == 0 {
            let result = measured(&gpu, with_intervals(Outliers::Keep), &layers);
            for (side, found) in effective_ranks(&result.layers, &names)
                .into_iter()
                .enumerate()
            {
                assert!((found.value.unwrap() / ranks[0][4 + side] - 1.0).abs() < 1e-5);
                assert!(!found.basis.contains("no interval"), "{}", found.basis);
                let error = standard_error(&found.by_pair).unwrap();
                errors[side] += error * EACH as f64 / FRESH as f64;
            }
        }
    }
    for (side, values) in values.iter().enumerate() {
        let mean = values.iter().sum::<f64>() / FRESH as f64;
        let squares: f64 = values.iter().map(|x| (x - mean).powi(2)).sum();
        let deviation = (squares / (FRESH - 1) as f64).sqrt();
        let ratio = errors[side] / deviation;
        println!("side {side}: {mean:.3}, {ratio:.3} of {deviation:.4}");
        assert!((ratio - 1.0).abs() < 0.15, "{side}: {ratio}");
    }
}

/// Of wide states some pairs are left out, which agree with derivatives only where the rank has a slope.
#[test]
fn a_rank_that_derivatives_do_not_tell_has_no_interval() {
    let layers = [fresh(&mut Random::new(19), 130, [0.0, 1.0])];
    let settings = with_intervals(Outliers::Keep);
    let result = measured(&device(KernelVariant::Direct), settings, &layers);
    let [vision, text] = &effective_ranks(&result.layers, &["a".to_owned()])[..] else {
        panic!("both modalities have a rank");
    };
    assert!(vision.value.unwrap() > 0.5 * 130.0 && text.value.unwrap() < 0.2 * 130.0);
    assert!(vision.interval.is_none() && vision.by_pair.is_empty());
    assert!(vision.basis.contains("no interval"), "{}", vision.basis);
    assert_eq!(text.by_pair.len(), PAIRS);
    assert!(text.per_state[0].interval.is_some() && text.interval.is_some());
    assert!(!text.basis.contains("no interval"), "{}", text.basis);
}
