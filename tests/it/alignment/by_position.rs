//! Quantities by the position of an image, against f64.

use mirscope::{
    alignment::{Observation, Setup, StateId, by_position, by_position_bytes},
    gpu::{KernelVariant, Recording},
    platform::Cancel,
    report::{MetricReport, standard_error},
};

use super::run::device;
use crate::support::Random;

const LAYERS: usize = 2;
const WIDTH: usize = 19;

/// Vision tokens of each image of each pair, and its text tokens; one has more images than are told apart.
const PAIRS: [(&[usize], usize); 4] = [(&[3, 5], 4), (&[2], 7), (&[4, 1, 6], 3), (&[1; 9], 5)];

fn row(layer: usize, pair: usize, token: usize) -> Vec<f32> {
    let value = |col: usize| {
        let seed = ((layer * 31 + pair) * 57 + token) * 101 + col;
        ((seed as f64 * 12.9898).sin() * 43_758.545_3).fract() * (1 + token % 4) as f64 + 0.2
    };
    (0..WIDTH).map(|col| value(col) as f32).collect()
}

/// The entries of pairs whose images have so many tokens, and their texts, of which `row` gives the tokens.
fn entries(
    kernels: KernelVariant,
    pairs: &[(Vec<usize>, usize)],
    intervals: bool,
) -> Vec<MetricReport> {
    let gpu = device(kernels);
    let setup = Setup {
        gpu: &gpu,
        layers: LAYERS,
        hidden_size: WIDTH,
        pairs: pairs.len(),
        vision: 0,
        vocabulary: None,
        intervals,
    };
    let images: Vec<_> = pairs.iter().map(|(images, _)| images.clone()).collect();
    gpu.trim();
    let before = gpu.memory().allocated;
    let planned = by_position_bytes(&setup, &images);
    let mut metric = by_position(&setup, images).unwrap();
    if intervals {
        let taken = gpu.memory().allocated - before;
        assert_eq!(taken, planned, "bytes");
    }
    for (pair, (images, text)) in pairs.iter().enumerate() {
        let vision: usize = images.iter().sum();
        let states: Vec<_> = (0..LAYERS)
            .map(|layer| {
                let rows: Vec<f32> = (0..vision + text)
                    .flat_map(|token| row(layer, pair, token))
                    .collect();
                let state = gpu.upload(vision + text, WIDTH, &rows).unwrap();
                (StateId::Layer(layer + 1), state)
            })
            .collect();
        let mut recording = Recording::new();
        let observation = Observation {
            states: &states,
            vision: &(0..vision as u32).collect::<Vec<_>>(),
            text: &(vision as u32..(vision + text) as u32).collect::<Vec<_>>(),
            ..Observation::default()
        };
        metric.push(&mut recording, &observation).unwrap();
        pollster::block_on(gpu.run(&recording)).unwrap();
    }
    pollster::block_on(metric.finish(Cancel::default())).unwrap()
}

/// Norm ratio and centroid gap of a layer at a position where each pair counts as often as its weight says, and the
/// tokens of both modalities.
fn expected(
    pairs: &[(Vec<usize>, usize)],
    (layer, position): (usize, usize),
    weights: &[f64],
) -> ([f64; 2], [usize; 2]) {
    let (mut norms, mut counts, mut tokens) = ([0.0; 2], [0.0; 2], [0; 2]);
    let mut directions = [[0.0; WIDTH]; 2];
    for (pair, (images, texts)) in pairs.iter().enumerate() {
        let Some(own) = images.get(position) else {
            continue;
        };
        let first: usize = images[..position].iter().sum();
        let all: usize = images.iter().sum();
        for (side, range) in [first..first + own, all..all + texts]
            .into_iter()
            .enumerate()
        {
            for token in range {
                let row = row(layer, pair, token);
                let norm = row
                    .iter()
                    .map(|&x| f64::from(x).powi(2))
                    .sum::<f64>()
                    .sqrt();
                norms[side] += weights[pair] * norm;
                counts[side] += weights[pair];
                tokens[side] += 1;
                for (sum, &x) in directions[side].iter_mut().zip(&row) {
                    *sum += weights[pair] * f64::from(x) / norm;
                }
            }
        }
    }
    let squares =
        (0..WIDTH).map(|i| (directions[0][i] / counts[0] - directions[1][i] / counts[1]).powi(2));
    let gap = squares.sum::<f64>().sqrt();
    ([norms[0] / counts[0] / (norms[1] / counts[1]), gap], tokens)
}

#[test]
fn each_position_is_compared_with_the_texts_of_the_prompts_that_show_it() {
    let pairs: Vec<_> = PAIRS
        .iter()
        .map(|(images, text)| (images.to_vec(), *text))
        .collect();
    for (kernels, intervals) in [
        (KernelVariant::Direct, false),
        (KernelVariant::Tiled, false),
        (KernelVariant::Direct, true),
    ] {
        let found = entries(kernels, &pairs, intervals);
        assert_eq!(found.len(), 2 * 8, "the ninth image is not told apart");
        for (position, entries) in found.chunks(2).enumerate() {
            assert!(entries[0].id.ends_with(&format!("image-{}", position + 1)));
            for layer in 0..LAYERS {
                let (right, tokens) = expected(&pairs, (layer, position), &[1.0; PAIRS.len()]);
                for (entry, expected) in entries.iter().zip(right) {
                    let value = entry.per_state[layer].value.unwrap();
                    let error = (value / expected - 1.0).abs();
                    assert!(error < 1e-5, "{} {layer}: {value} {expected}", entry.id);
                    let [vision, text] = tokens;
                    assert_eq!(
                        entry.basis,
                        format!("{vision} vision and {text} text tokens")
                    );
                    assert_eq!(entry.interval, None, "four pairs are too few");
                }
            }
        }
    }
}

/// Forty pairs, of which all show one image, two of three a second one, and three a third one.
fn many() -> Vec<(Vec<usize>, usize)> {
    let images = |pair: usize| match pair {
        3 | 17 | 30 => vec![9, 5, 6],
        pair if pair % 3 == 0 => vec![5 + pair % 4],
        pair => vec![4 + pair % 5, 7],
    };
    (0..40).map(|pair| (images(pair), 6 + pair % 3)).collect()
}

#[test]
#[allow(clippy::print_stdout)]
fn intervals_are_over_the_pairs_that_show_an_image_there() {
    let pairs = many();
    let found = entries(KernelVariant::Direct, &pairs, true);
    assert_eq!(found.len(), 2 * 3);
    let mut random = Random::new(5);
    for (position, entries) in found.chunks(2).enumerate() {
        let showing: Vec<usize> = (0..pairs.len())
            .filter(|&pair| pairs[pair].0.len() > position)
            .collect();
        let overall = |weights: &[f64]| {
            let of = |layer| expected(&pairs, (layer, position), weights).0;
            let layers: Vec<[f64; 2]> = (0..LAYERS).map(of).collect();
            [0, 1].map(|i: usize| layers.iter().map(|it| it[i]).sum::<f64>() / LAYERS as f64)
        };
        if showing.len() < 5 {
            assert!(
                entries.iter().all(|it| it.interval.is_none()),
                "{showing:?} are too few"
            );
            continue;
        }
        let step = 1e-4;
        let moved: Vec<[f64; 2]> = (0..pairs.len())
            .map(|pair| {
                let [more, less] = [step, -step].map(|step| {
                    let mut weights = vec![1.0; pairs.len()];
                    weights[pair] += step;
                    overall(&weights)
                });
                [0, 1].map(|i: usize| (more[i] - less[i]) / (2.0 * step))
            })
            .collect();
        let resampled: Vec<[f64; 2]> = (0..400)
            .map(|_| {
                let mut weights = vec![0.0; pairs.len()];
                for _ in 0..pairs.len() {
                    weights[(random.next_u64() >> 16) as usize % pairs.len()] += 1.0;
                }
                overall(&weights)
            })
            .collect();
        for (i, entry) in entries.iter().enumerate() {
            let largest = moved.iter().fold(0.0_f64, |most, it| most.max(it[i].abs()));
            for (pair, found) in entry.by_pair.iter().enumerate() {
                let error = (found - moved[pair][i]).abs();
                assert!(
                    error < 1e-4 * largest,
                    "{} {pair}: {error} of {largest}",
                    entry.id
                );
            }
            assert_eq!(entry.by_pair.len(), pairs.len());
            let mean = resampled.iter().map(|it| it[i]).sum::<f64>() / 400.0;
            let squares: f64 = resampled.iter().map(|it| (it[i] - mean).powi(2)).sum();
            let deviation = (squares / 399.0).sqrt();
            let own: Vec<f64> = showing.iter().map(|&pair| entry.by_pair[pair]).collect();
            let error = standard_error(&own).unwrap();
            println!("{}: {error:.5}, bootstrap {deviation:.5}", entry.id);
            assert!(
                (error / deviation - 1.0).abs() < 0.15,
                "{}: {error}, {deviation}",
                entry.id
            );
            assert!(entry.interval.is_some());
            assert!(entry.per_state.iter().all(|it| it.interval.is_some()));
        }
    }
}
