//! The bias of few tokens, on clouds whose distance is known.

use mirscope::{
    alignment::{Mir, MirSettings},
    gpu::{Gpu, KernelVariant, Recording},
    platform::Cancel,
    report::{Outliers, extrapolated},
};

use super::run::{PLAIN, device};
use crate::support::Random;

const WIDTH: usize = 16;
const PER_PAIR: usize = 10;

/// Tokens of a normal distribution with these means and deviations, `pairs` times 10 of either modality, in memory.
fn held(gpu: &Gpu, random: &mut Random, pairs: usize, clouds: [(f64, f64); 2]) -> Mir {
    let count = pairs * PER_PAIR;
    let settings = MirSettings {
        outliers: Outliers::Keep,
        ..PLAIN
    };
    let mut mir = Mir::new(gpu, settings, 1, WIDTH, count, count, None).unwrap();
    for _ in 0..pairs {
        let rows = clouds.iter().flat_map(|&(mean, deviation)| {
            let normals = random.normals(PER_PAIR * WIDTH);
            normals
                .into_iter()
                .map(move |x| (mean + deviation * f64::from(x)) as f32)
        });
        let state = gpu
            .upload(2 * PER_PAIR, WIDTH, &rows.collect::<Vec<_>>())
            .unwrap();
        let mut recording = Recording::new();
        let (vision, text): (Vec<u32>, Vec<u32>) =
            (0..2 * PER_PAIR as u32).partition(|&row| row < PER_PAIR as u32);
        mir.push(&mut recording, &[state], &vision, &text).unwrap();
        pollster::block_on(gpu.run(&recording)).unwrap();
    }
    mir
}

fn distance(mir: Mir) -> f64 {
    let found = pollster::block_on(mir.finish(&Cancel::default(), &mut |_, _| {})).unwrap();
    let layer = &found.layers[0];
    // In the units of the tokens: the mean norm has a bias of another kind.
    layer.frechet * layer.mean_norms[1].powi(2)
}

#[test]
#[allow(clippy::print_stdout)]
fn extrapolation_takes_most_of_the_bias_away() {
    let gpu = device(KernelVariant::Direct);
    let clouds = [(0.2, 1.0), (0.0, 0.8)];
    // |mu|^2 and the squared difference of the deviations, in each dimension.
    let right = WIDTH as f64 * (0.2_f64.powi(2) + 0.2_f64.powi(2));
    let pairs = 24;
    let mut random = Random::new(71);
    let (mut raw, mut corrected) = (0.0, 0.0);
    let repeats = 12;
    for _ in 0..repeats {
        let mir = held(&gpu, &mut random, pairs, clouds);
        let halves = [0, 1].map(|half| {
            let chosen: Vec<usize> = (0..pairs).filter(|pair| pair % 2 == half).collect();
            let own = pollster::block_on(mir.of_pairs(&chosen, None, &Cancel::default())).unwrap();
            distance(own)
        });
        let half = halves.iter().sum::<f64>() / 2.0;
        let whole = distance(mir);
        assert!(
            half > whole,
            "fewer tokens, larger distance: {half}, {whole}"
        );
        raw += whole / f64::from(repeats);
        corrected += extrapolated([pairs, pairs / 2], whole, half) / f64::from(repeats);
    }
    println!("{right:.4}: raw {raw:.4}, corrected {corrected:.4}");
    assert!(raw > 1.05 * right, "{raw} of {right}");
    assert!(
        (corrected / right - 1.0).abs() < 0.2 * (raw / right - 1.0),
        "{corrected} of {right}, raw {raw}"
    );
}

#[test]
fn a_sample_is_what_its_pairs_alone_would_be() {
    let gpu = device(KernelVariant::Direct);
    let clouds = [(0.3, 1.0), (0.0, 1.4)];
    let few = distance(held(&gpu, &mut Random::new(72), 5, clouds));
    let mir = held(&gpu, &mut Random::new(72), 9, clouds);
    let sample = pollster::block_on(mir.of_pairs(&[0, 1, 2, 3, 4], None, &Cancel::default()));
    assert_eq!(distance(sample.unwrap()), few);
    let refused = pollster::block_on(mir.of_pairs(&[9], None, &Cancel::default()));
    let refused = refused.err().expect("there are nine").to_string();
    assert!(refused.contains("a pair below 9"), "{refused}");
}
