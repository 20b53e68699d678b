//! Intervals over pairs: the derivatives against differences in f64, the standard errors against the bootstrap of
//! whole pairs.

use std::ops::Range;

use faer::Mat;
use mirscope::{
    alignment::{Mir, MirResult, MirSettings},
    gpu::{Gpu, KernelVariant, Recording},
    platform::Cancel,
    report::{Definition, Outliers, interval, standard_error},
};

use super::{
    clouds::{Cloud, normal},
    outliers::{outliers, replaced},
    run::{PLAIN, device},
};
use crate::support::Random;

pub(super) const WIDTH: usize = 12;
pub(super) const PAIRS: usize = 40;
/// Tokens of the first pair, vision and text; each of the next three has one more, and so on in turn.
const TOKENS: [usize; 2] = [8, 5];

/// Both modalities of a layer.
pub(super) type Layer = [Cloud; 2];

pub(super) fn count(side: usize, pair: usize) -> usize {
    TOKENS[side] + pair % 4
}

fn ranges(side: usize) -> Vec<Range<usize>> {
    let mut begin = 0;
    let range = |pair| {
        begin += count(side, pair);
        begin - count(side, pair)..begin
    };
    (0..PAIRS).map(range).collect()
}

/// Tokens of a pair lie together and differ in length; one vision token in 50 is very long.
fn layers(random: &mut Random) -> Vec<Layer> {
    let layer = |random: &mut Random, condition: f64| {
        [0, 1].map(|side| {
            let total = ranges(side).last().unwrap().end;
            let mut cloud = normal(random, total, WIDTH, condition, 1.0 + side as f64);
            for range in ranges(side) {
                let shift: Vec<f32> = (0..WIDTH).map(|_| 0.6 * random.normal() as f32).collect();
                let factor = (0.3 * random.normal()).exp() as f32;
                for row in range {
                    let long = if side == 0 && row % 50 == 7 {
                        12.0
                    } else {
                        1.0
                    };
                    let own = &mut cloud.values[row * WIDTH..(row + 1) * WIDTH];
                    for (x, shift) in own.iter_mut().zip(&shift) {
                        *x = long * factor * (*x + shift);
                    }
                }
            }
            cloud
        })
    };
    vec![layer(random, 30.0), layer(random, 300.0)]
}

pub(super) fn measured(gpu: &Gpu, settings: MirSettings, layers: &[Layer]) -> MirResult {
    let [vision, text] = [0, 1].map(|side: usize| layers[0][side].tokens());
    let width = layers[0][0].width;
    let mut mir = Mir::new(gpu, settings, layers.len(), width, vision, text, None).unwrap();
    assert_eq!(mir.no_intervals(), None);
    for (vision, text) in ranges(0).into_iter().zip(ranges(1)) {
        let rows = |cloud: &Cloud, range: &Range<usize>| {
            cloud.values[range.start * width..range.end * width].to_vec()
        };
        let states: Vec<_> = (layers.iter())
            .map(|[of_vision, of_text]| {
                let mut values = rows(of_vision, &vision);
                values.extend(rows(of_text, &text));
                gpu.upload(vision.len() + text.len(), width, &values)
                    .unwrap()
            })
            .collect();
        let split = vision.len() as u32;
        let (vision, text): (Vec<u32>, Vec<u32>) =
            (0..split + text.len() as u32).partition(|&row| row < split);
        let mut recording = Recording::new();
        mir.push(&mut recording, &states, &vision, &text).unwrap();
        pollster::block_on(gpu.run(&recording)).unwrap();
    }
    pollster::block_on(mir.finish(&Cancel::default(), &mut |_, _| {})).unwrap()
}

/// A modality where each pair counts as often as its weight says.
struct Weighted {
    mean: Vec<f64>,
    /// Centered rows times the root of their weights over that of the degrees of freedom.
    rows: Mat<f64>,
    norm: f64,
}

/// `raw` gives the norms, the rows of `cloud` that `counts` names everything else.
fn weighted(
    raw: &Cloud,
    (cloud, counts): &(Cloud, Vec<bool>),
    side: usize,
    weights: &[f64],
) -> Weighted {
    let of_rows: Vec<f64> = (ranges(side).into_iter().zip(weights))
        .flat_map(|(range, &weight)| range.map(move |_| weight))
        .collect();
    let of_all = of_rows.clone();
    let counted = of_rows.iter().zip(counts);
    let of_rows: Vec<f64> = counted
        .map(|(w, counts)| if *counts { *w } else { 0.0 })
        .collect();
    let total: f64 = of_rows.iter().sum();
    let mean: Vec<f64> = (0..WIDTH)
        .map(|col| {
            let column = cloud.rows().zip(&of_rows);
            column.map(|(row, w)| w * f64::from(row[col])).sum::<f64>() / total
        })
        .collect();
    let norm = |row: &[f32]| {
        row.iter()
            .map(|&x| f64::from(x).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    Weighted {
        rows: Mat::from_fn(cloud.tokens(), WIDTH, |i, j| {
            let x = f64::from(cloud.values[i * WIDTH + j]) - mean[j];
            x * (of_rows[i] / (total - 1.0)).sqrt()
        }),
        norm: raw
            .rows()
            .zip(&of_all)
            .map(|(row, w)| w * norm(row))
            .sum::<f64>()
            / of_all.iter().sum::<f64>(),
        mean,
    }
}

/// What a layer has: distance, norm-matched distance, norm ratio, spread and shape, effective ranks.
const QUANTITIES: usize = 6;

/// `exp` of the entropy of the eigenvalues.
fn effective_rank(of: &Weighted) -> f64 {
    let values = of.rows.singular_values().unwrap();
    let squares: Vec<f64> = values.iter().map(|x| x * x).collect();
    let trace: f64 = squares.iter().sum();
    let shares = squares.iter().map(|x| x / trace);
    shares.map(|p| -p * p.ln()).sum::<f64>().exp()
}

/// The quantities of a layer.
fn quantities([vision, text]: [&Weighted; 2]) -> [f64; QUANTITIES] {
    let (rv, rt) = (
        vision.rows.qr().thin_R().to_owned(),
        text.rows.qr().thin_R().to_owned(),
    );
    let root: f64 = (&rv * rt.transpose())
        .singular_values()
        .unwrap()
        .iter()
        .sum();
    let traces = [&vision.rows, &text.rows].map(|rows| rows.squared_norm_l2());
    let parts = |a: f64, b: f64| {
        let location = vision
            .mean
            .iter()
            .zip(&text.mean)
            .map(|(v, t)| (a * v - b * t).powi(2));
        let gap = a * a * traces[0] + b * b * traces[1] - 2.0 * a * b * root;
        (location.sum::<f64>() + gap, gap)
    };
    let (exact, gap) = parts(1.0 / text.norm, 1.0 / text.norm);
    let (matched, _) = parts(1.0 / vision.norm, 1.0 / text.norm);
    let ratio = vision.norm / text.norm;
    let ranks = [vision, text].map(effective_rank);
    [exact, matched, ratio, gap, ranks[0], ranks[1]]
}

/// The quantities of each layer by the weights of the pairs, what becomes of outliers as it is with equal weights.
pub(super) fn by_weights(
    layers: &[Layer],
    rule: Outliers,
) -> impl Fn(&[f64]) -> Vec<[f64; QUANTITIES]> {
    let of_layers: Vec<_> = (layers.iter().cloned())
        .map(|layer| {
            let after = [0, 1].map(|side: usize| {
                let raw = &layer[side];
                match rule {
                    Outliers::Replace => (replaced(raw).0, vec![true; raw.tokens()]),
                    Outliers::Keep => (raw.clone(), vec![true; raw.tokens()]),
                    Outliers::Drop => (raw.clone(), outliers(raw).iter().map(|it| !it).collect()),
                }
            });
            (layer, after)
        })
        .collect();
    move |weights| {
        (of_layers.iter())
            .map(|(raw, after)| {
                let of = |side: usize| weighted(&raw[side], &after[side], side, weights);
                quantities([&of(0), &of(1)])
            })
            .collect()
    }
}

pub(super) fn with_intervals(outliers: Outliers) -> MirSettings {
    MirSettings {
        outliers,
        intervals: true,
        ranks: true,
        ..PLAIN
    }
}

/// From the values without each of the pairs.
fn left_out(without: &[f64]) -> Vec<f64> {
    let n = without.len() as f64;
    let mean = without.iter().sum::<f64>() / n;
    let moved = without.iter().map(|it| (n - 1.0) / n * (mean - it));
    moved.collect()
}

#[allow(clippy::print_stdout)]
fn derivatives_are_those_of_the_weights(kernels: KernelVariant, rule: Outliers) {
    let layers = layers(&mut Random::new(11));
    let result = measured(&device(kernels), with_intervals(rule), &layers);
    let some = rule != Outliers::Keep;
    assert_eq!(
        result.layers[0].outliers[0] > 0,
        some,
        "some tokens are outliers"
    );
    let of = by_weights(&layers, rule);
    let step = 1e-4;
    let without: Vec<_> = (0..PAIRS)
        .map(|pair| {
            let mut weights = vec![1.0; PAIRS];
            weights[pair] = 0.0;
            of(&weights)
        })
        .collect();
    let differences: Vec<Vec<[f64; QUANTITIES]>> = (0..PAIRS)
        .map(|pair| {
            let [more, less] = [step, -step].map(|step| {
                let mut weights = vec![1.0; PAIRS];
                weights[pair] += step;
                of(&weights)
            });
            let layers = more.iter().zip(&less);
            layers
                .map(|(more, less)| std::array::from_fn(|i| (more[i] - less[i]) / (2.0 * step)))
                .collect()
        })
        .collect();
    for (layer, distance) in result.layers.iter().enumerate() {
        let influence = distance.influence.as_ref().expect("there is one");
        let found = [
            &influence.frechet,
            &influence.norm_matched,
            &influence.norm_ratio,
            &influence.gap,
            &influence.ranks[0],
            &influence.ranks[1],
        ];
        for (quantity, found) in found.into_iter().enumerate() {
            let own = |all: &[Vec<[f64; QUANTITIES]>]| -> Vec<f64> {
                all.iter().map(|it| it[layer][quantity]).collect()
            };
            // Of states as narrow as these the ranks move by what leaving each pair out gives.
            let right = match quantity {
                4.. => left_out(&own(&without)),
                _ => own(&differences),
            };
            let largest = right.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let pairs = found.iter().zip(&right);
            let error = pairs.fold(0.0_f64, |most, (a, b)| most.max((a - b).abs()));
            println!(
                "layer {layer}, quantity {quantity}: {:.1e} of the largest",
                error / largest
            );
            assert_eq!(found.len(), PAIRS);
            assert!(
                error < 2e-3 * largest,
                "layer {layer}, quantity {quantity}: {error} of {largest}"
            );
        }
    }
}

#[test]
fn derivatives_are_those_of_the_weights_direct() {
    for rule in Outliers::ALL {
        derivatives_are_those_of_the_weights(KernelVariant::Direct, rule);
    }
}

#[test]
fn derivatives_are_those_of_the_weights_tiled() {
    derivatives_are_those_of_the_weights(KernelVariant::Tiled, Outliers::Replace);
}

#[test]
#[allow(clippy::print_stdout)]
fn standard_errors_are_those_of_the_bootstrap_of_pairs() {
    let mut random = Random::new(12);
    let layers = layers(&mut random);
    let result = measured(
        &device(KernelVariant::Direct),
        with_intervals(Outliers::Replace),
        &layers,
    );
    let of = by_weights(&layers, Outliers::Replace);
    let resampled: Vec<[f64; 3]> = (0..400)
        .map(|_| {
            let mut weights = vec![0.0; PAIRS];
            for _ in 0..PAIRS {
                weights[(random.next_u64() >> 16) as usize % PAIRS] += 1.0;
            }
            let layers = of(&weights);
            let sum = |i: usize| layers.iter().map(|it| it[i]).sum::<f64>();
            let mean = |i: usize| sum(i) / layers.len() as f64;
            [sum(0).log10(), sum(1).log10(), mean(2)]
        })
        .collect();
    let values = [result.mir, result.norm_matched_mir, None, None];
    let found: Vec<_> = (result.intervals().into_iter().zip(values))
        .map(|(it, value)| (it.id.to_owned(), value, it.overall, it.per_layer))
        .collect();
    for (i, id) in ["mir", "norm-matched-mir", "norm-ratio"]
        .into_iter()
        .enumerate()
    {
        let own: Vec<f64> = resampled.iter().map(|it| it[i]).collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let deviation =
            (own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt();
        let (_, value, overall, per_layer) = found.iter().find(|it| it.0 == id).unwrap();
        let [low, high] = overall.unwrap();
        // Student's t with 39 degrees of freedom.
        let error = (high - low) / 2.0 / 2.0227;
        println!(
            "{id}: {error:.5}, bootstrap {deviation:.5}, its mean {mean:.5}, {low:.5} to {high:.5}"
        );
        assert!(
            (error / deviation - 1.0).abs() < 0.15,
            "{id}: {error}, {deviation}"
        );
        if let Some(value) = *value {
            assert!(low < value && value < high);
        }
        assert_eq!(per_layer.len(), 2);
        assert!(per_layer.iter().all(Option::is_some));
    }
    // Drawing the same pair twice narrows the clouds' estimate: the distance comes out larger.
    let mean = resampled.iter().map(|it| it[0]).sum::<f64>() / resampled.len() as f64;
    assert!(mean > result.mir.unwrap());
}

#[test]
fn what_cannot_have_an_interval_says_why() {
    let gpu = device(KernelVariant::Direct);
    let refusal = |settings: MirSettings, text: usize, budget: Option<u64>| {
        let mir = Mir::new(&gpu, settings, 1, WIDTH, 200, text, budget).unwrap();
        mir.no_intervals().map(ToOwned::to_owned)
    };
    assert_eq!(
        refusal(with_intervals(Outliers::Replace), 2 * WIDTH, None),
        None
    );
    assert_eq!(refusal(PLAIN, 2, None), None);
    let few = refusal(with_intervals(Outliers::Replace), 2 * WIDTH - 1, None).unwrap();
    assert!(few.contains("23 text tokens"), "{few}");
    let fast = MirSettings {
        definition: Definition::OfficialFast,
        ..with_intervals(Outliers::Replace)
    };
    let fast = refusal(fast, 100, None).unwrap();
    assert!(fast.contains("official-fast"), "{fast}");
    let plan = Mir::plan(&gpu, 1, WIDTH, 200, 100, None).unwrap();
    let tight = refusal(
        with_intervals(Outliers::Replace),
        100,
        Some(plan.total() + 100),
    )
    .unwrap();
    assert!(tight.contains("of device memory"), "{tight}");
    // The distance is there all the same.
    let layers = layers(&mut Random::new(13));
    let plain = MirSettings {
        outliers: Outliers::Replace,
        ..PLAIN
    };
    let without = measured(&gpu, plain, &layers);
    let with = measured(&gpu, with_intervals(Outliers::Replace), &layers);
    assert_eq!(without.mir, with.mir);
    assert!(without.intervals().is_empty());
}

#[test]
fn an_interval_of_few_pairs_is_wide_or_none() {
    assert_eq!(standard_error(&[1.0, -1.0, 1.0, -1.0]), None);
    assert_eq!(standard_error(&[1.0, -1.0, 1.0, -1.0, f64::NAN]), None);
    let moved = [1.0, -1.0, 2.0, -2.0, 0.0];
    let error = (10.0_f64 * 5.0 / 4.0).sqrt();
    assert!((standard_error(&moved).unwrap() - error).abs() < 1e-12);
    // Quantiles of Student's t with 4, 9 and 99 degrees of freedom.
    for (pairs, right) in [(5, 2.776_445), (10, 2.262_157), (100, 1.984_217)] {
        let moved: Vec<f64> = (0..pairs)
            .map(|i| if i % 2 == 0 { 1.0 } else { -1.0 })
            .collect();
        let [low, high] = interval(7.0, &moved).unwrap();
        let quantile = (high - low) / 2.0 / standard_error(&moved).unwrap();
        assert!((quantile / right - 1.0).abs() < 2e-3, "{pairs}: {quantile}");
        assert!((low + high - 14.0).abs() < 1e-12);
    }
}
