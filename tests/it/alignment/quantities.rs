//! The quantities beside the rate, against what numpy, scipy and scikit-learn give (`tests/golden/make_quantities.py`).

use std::{collections::BTreeMap, sync::Arc};

use mirscope::{
    alignment::{
        AlignmentError, IMAGE_EFFECT, LOGIT_LENS, METRICS, MetricKind, Observation, SecondPass,
        Setup, StateId, Vocabulary,
    },
    gpu::{DType, Gpu, KernelVariant, Recording, Tensor},
    kernels::{
        matmul::{Matmul, matmul},
        unit_rows::unit_rows,
    },
    platform::Cancel,
    report::{MetricReport, standard_error},
};

use super::run::device;

pub const LAYERS: usize = 3;
pub const PAIRS: usize = 12;
pub const WIDTH: usize = 37;
const VOCAB: usize = 301;

/// As in the script.
fn noise(indices: &[usize]) -> f64 {
    let mut h: u32 = 0;
    for &index in indices {
        h = h.wrapping_mul(31).wrapping_add(index as u32 + 1);
        h = h.wrapping_mul(0x9E37_79B1);
        h ^= h >> 15;
        h = h.wrapping_mul(0x85EB_CA77);
        h ^= h >> 13;
    }
    f64::from(h >> 8) / f64::from(1 << 24) - 0.5
}

pub fn tokens(layer: usize, pair: usize, side: usize) -> Vec<f32> {
    let count = 5 + (pair * 7 + side * 3) % 9;
    let value = |row: usize, col: usize| {
        let shared = noise(&[900, layer, pair, col]) * 0.75;
        let offset = noise(&[901, layer, side, col]) * 0.5;
        let all = noise(&[layer, pair, side, row, col]) + shared + offset;
        (all * (1.0 + layer as f64 * 40.0)) as f32
    };
    let rows = (0..count).flat_map(|row| (0..WIDTH).map(move |col| (row, col)));
    rows.map(|(row, col)| value(row, col)).collect()
}

/// Text tokens as they are without the image.
fn without_image(layer: usize, pair: usize) -> Vec<f32> {
    let rows = tokens(layer, pair, 1);
    let values = rows.iter().enumerate().map(|(at, &value)| {
        let moved = noise(&[960, layer, pair, at / WIDTH, at % WIDTH]);
        (f64::from(value) * 0.9 + moved * (1.0 + layer as f64 * 40.0) * 0.2) as f32
    });
    values.collect()
}

/// A head behind a norm to length 1.
pub struct Head {
    gpu: Gpu,
    weights: Tensor,
}

impl Head {
    pub fn new(gpu: &Gpu) -> Self {
        let at = (0..VOCAB).flat_map(|row| (0..WIDTH).map(move |col| [950, row, col]));
        let values: Vec<f32> = at.map(|at| (noise(&at) * 12.0) as f32).collect();
        Self {
            gpu: gpu.clone(),
            weights: gpu.upload(VOCAB, WIDTH, &values).unwrap(),
        }
    }
}

impl Vocabulary for Head {
    fn size(&self) -> usize {
        VOCAB
    }

    fn logits(&self, recording: &mut Recording, states: &Tensor) -> Result<Tensor, AlignmentError> {
        let gpu = &self.gpu;
        let all: Vec<u32> = (0..states.rows() as u32).collect();
        let unit = gpu.tensor(DType::F32, states.rows(), WIDTH)?;
        let all = gpu.upload_indices(&all)?;
        recording.push(unit_rows(gpu.kernels(), &all, states, &unit)?);
        let logits = gpu.tensor(DType::F32, states.rows(), VOCAB)?;
        let with = Matmul::default();
        recording.extend(matmul(gpu, &unit, &self.weights, &with, &logits)?);
        Ok(logits)
    }

    fn text(&self, id: u32) -> String {
        format!(" word\n{id}")
    }
}

/// Those that are computed always, and those that are asked for.
fn kinds() -> impl Iterator<Item = &'static MetricKind> {
    METRICS.iter().chain([&LOGIT_LENS, &IMAGE_EFFECT])
}

/// All metrics of `pairs` pairs, of which `announced` were announced; a row that belongs to nobody comes first.
fn measure(gpu: &Gpu, announced: usize, pairs: usize) -> Vec<MetricReport> {
    measure_some(gpu, announced, &(0..pairs).collect::<Vec<_>>(), false)
}

/// The same of some pairs, with `intervals` or without.
fn measure_some(
    gpu: &Gpu,
    announced: usize,
    pairs: &[usize],
    intervals: bool,
) -> Vec<MetricReport> {
    let vocabulary: Arc<dyn Vocabulary> = Arc::new(Head::new(gpu));
    let setup = Setup {
        gpu,
        layers: LAYERS,
        hidden_size: WIDTH,
        pairs: announced,
        vision: (0..announced)
            .map(|pair| tokens(0, pair, 0).len() / WIDTH)
            .sum(),
        vocabulary: Some(&vocabulary),
        intervals,
    };
    let made = kinds().map(|kind| (kind.new)(&setup).unwrap());
    let mut metrics: Vec<_> = made.collect();
    pollster::block_on(async {
        for &pair in pairs {
            let mut recording = Recording::new();
            let counts = [0, 1].map(|side| tokens(0, pair, side).len() / WIDTH);
            let states: Vec<_> = (0..LAYERS)
                .map(|layer| {
                    let mut rows = vec![1e6; WIDTH];
                    rows.extend(tokens(layer, pair, 0));
                    rows.extend(tokens(layer, pair, 1));
                    let count = rows.len() / WIDTH;
                    let state = gpu.upload(count, WIDTH, &rows).unwrap();
                    (StateId::Layer(layer + 1), state)
                })
                .collect();
            let others: Vec<_> = (0..LAYERS)
                .map(|layer| {
                    let state = gpu.upload(counts[1], WIDTH, &without_image(layer, pair));
                    (StateId::Layer(layer + 1), state.unwrap())
                })
                .collect();
            let moved: Vec<u32> = (0..counts[1] as u32).rev().collect();
            let words: Vec<u32> = (0..VOCAB as u32)
                .filter(|id| (id + pair as u32).is_multiple_of(3))
                .collect();
            let first = 1 + counts[0] as u32;
            let observation = Observation {
                states: &states,
                vision: &(1..first).collect::<Vec<u32>>(),
                text: &(first..first + counts[1] as u32)
                    .rev()
                    .collect::<Vec<u32>>(),
                words: &words,
                without_image: Some(SecondPass {
                    states: &others,
                    text: &moved,
                }),
            };
            for metric in &mut metrics {
                metric.push(&mut recording, &observation).unwrap();
            }
            gpu.run(&recording).await.unwrap();
        }
        let mut all = Vec::new();
        for metric in metrics {
            all.extend(metric.finish(Cancel::default()).await.unwrap());
        }
        all
    })
}

#[test]
fn each_equals_what_numpy_and_scikit_learn_give() {
    let golden = include_str!("../../golden/quantities.json");
    let golden: BTreeMap<String, Vec<f64>> = serde_json::from_str(golden).unwrap();
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        let found = measure(&gpu, PAIRS, PAIRS);
        let ids: Vec<&str> = kinds().flat_map(|kind| kind.ids).copied().collect();
        assert_eq!(
            found.iter().map(|it| it.id.as_str()).collect::<Vec<_>>(),
            ids
        );
        for metric in &found {
            let expected = &golden[&metric.id];
            assert_eq!(metric.per_state.len(), expected.len());
            for (state, &expected) in metric.per_state.iter().zip(expected) {
                let value = state.value.unwrap();
                let error = (value - expected).abs() / expected.abs();
                assert!(
                    error < 1e-5,
                    "{} at {}: {value}, expected {expected}",
                    metric.id,
                    state.state
                );
            }
            let mean = expected.iter().sum::<f64>() / expected.len() as f64;
            assert!(
                (metric.value.unwrap() - mean).abs() < 1e-5 * mean,
                "{}",
                metric.id
            );
        }
        let lens = found.iter().find(|it| it.id == "logit-lens-content");
        let about = &lens.unwrap().about;
        assert!(about.contains(r#"layers: " word\n"#), "{about}");
        assert_eq!(
            found[0].per_state[2].state,
            "hidden_states[3] before the final norm"
        );
    }
}

#[test]
fn fewer_pairs_than_announced_change_nothing() {
    let gpu = device(KernelVariant::Direct);
    assert_eq!(measure(&gpu, 7, 5), measure(&gpu, 5, 5));
}

#[test]
fn what_few_pairs_cannot_say_is_absent() {
    let gpu = device(KernelVariant::Direct);
    let found = measure(&gpu, 2, 2);
    let value = |id: &str| found.iter().find(|it| it.id == id).unwrap().value;
    assert_eq!((value("linear-cka"), value("mutual-knn")), (None, None));
    assert!(value("chamfer-cosine").is_some());
}

#[test]
fn what_the_extra_metrics_need_is_named_where_it_is_missing() {
    let gpu = device(KernelVariant::Direct);
    let setup = Setup {
        gpu: &gpu,
        layers: 1,
        hidden_size: WIDTH,
        pairs: 1,
        vision: 3,
        vocabulary: None,
        intervals: false,
    };
    let error = (LOGIT_LENS.new)(&setup).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("vocabulary"), "{error}");
    let mut effect = (IMAGE_EFFECT.new)(&setup).unwrap();
    let state = gpu.upload(1, WIDTH, &[1.0; WIDTH]).unwrap();
    let observation = Observation {
        states: &[(StateId::Layer(1), state)],
        text: &[0],
        ..Observation::default()
    };
    let error = effect.push(&mut Recording::new(), &observation);
    let error = error.unwrap_err().to_string();
    assert!(error.contains("without the image"), "{error}");
}

/// What a quantity's sums over tokens are over: its weight of a pair is the pair's share of them.
fn counted(id: &str, pair: usize) -> Option<f64> {
    let tokens = |side: usize| (tokens(0, pair, side).len() / WIDTH) as f64;
    match id {
        "logit-lens-entropy" | "logit-lens-content" => Some(tokens(0)),
        "image-effect-distance" | "image-effect-cosine" => Some(tokens(1)),
        _ if id.starts_with("chamfer") => Some(1.0),
        _ => None,
    }
}

/// A ratio of sums loses with a pair what its derivative says: `R - R' = u B / (B - b)` with the sum B of the weights.
#[test]
fn derivatives_are_what_a_pair_that_is_left_out_takes_along() {
    let gpu = device(KernelVariant::Direct);
    let all: Vec<usize> = (0..PAIRS).collect();
    let found = measure_some(&gpu, PAIRS, &all, true);
    let mut seen = 0;
    for pair in 0..PAIRS {
        let left: Vec<usize> = all.iter().copied().filter(|it| *it != pair).collect();
        let without = measure_some(&gpu, PAIRS, &left, false);
        for (metric, without) in found.iter().zip(&without) {
            let Some(own) = counted(&metric.id, pair) else {
                continue;
            };
            seen += 1;
            let sum: f64 = all.iter().filter_map(|it| counted(&metric.id, *it)).sum();
            let lost = metric.value.unwrap() - without.value.unwrap();
            let expected = lost * (sum - own) / sum;
            let error = (metric.by_pair[pair] - expected).abs();
            assert!(
                error < 1e-6 * metric.value.unwrap().abs().max(0.1),
                "{} at pair {pair}: {} for {expected}",
                metric.id,
                metric.by_pair[pair]
            );
        }
    }
    assert_eq!(seen, PAIRS * 7);
}

/// The mean unit vectors of both modalities with a weight for each pair, and their distance; in f64.
fn gap(layer: usize, weights: &[f64]) -> f64 {
    let mean = |side: usize| {
        let (mut sum, mut count) = (vec![0.0; WIDTH], 0.0);
        for (pair, weight) in weights.iter().enumerate() {
            for row in tokens(layer, pair, side).chunks(WIDTH) {
                let length = row
                    .iter()
                    .map(|&x| f64::from(x).powi(2))
                    .sum::<f64>()
                    .sqrt();
                for (sum, &x) in sum.iter_mut().zip(row) {
                    *sum += weight * f64::from(x) / length;
                }
                count += weight;
            }
        }
        sum.into_iter().map(|x| x / count).collect::<Vec<_>>()
    };
    let squares = mean(0)
        .into_iter()
        .zip(mean(1))
        .map(|(a, b)| (a - b).powi(2));
    squares.sum::<f64>().sqrt()
}

#[test]
fn the_gap_moves_with_the_weight_of_a_pair_as_its_derivative_says() {
    const STEP: f64 = 1e-4;
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        let all: Vec<usize> = (0..PAIRS).collect();
        let found = measure_some(&gpu, PAIRS, &all, true);
        let found = found.iter().find(|it| it.id == "centroid-gap").unwrap();
        let plain = measure(&gpu, PAIRS, PAIRS);
        let plain = plain.iter().find(|it| it.id == "centroid-gap").unwrap();
        assert!((plain.value.unwrap() - found.value.unwrap()).abs() < 1e-6);
        for pair in 0..PAIRS {
            let moved = (0..LAYERS).map(|layer| {
                let at = |step: f64| {
                    let mut weights = [1.0; PAIRS];
                    weights[pair] += step;
                    gap(layer, &weights)
                };
                (at(STEP) - at(-STEP)) / (2.0 * STEP)
            });
            let expected = moved.sum::<f64>() / LAYERS as f64;
            let error = (found.by_pair[pair] - expected).abs();
            assert!(
                error < 1e-6,
                "{pair}: {} for {expected}",
                found.by_pair[pair]
            );
        }
        let value = found.value.unwrap();
        let [low, high] = found.interval.unwrap();
        let error = standard_error(&found.by_pair).unwrap();
        // Student's t with 11 degrees of freedom.
        assert!(((high - low) / 2.0 / error - 2.201).abs() < 5e-3 && low < value && value < high);
        assert!(found.per_state.iter().all(|state| state.interval.is_some()));
    }
}

#[test]
fn intervals_are_there_where_they_are_asked_for_and_can_be_given() {
    let gpu = device(KernelVariant::Direct);
    let all: Vec<usize> = (0..PAIRS).collect();
    for metric in measure_some(&gpu, PAIRS, &all, true) {
        assert_eq!(metric.by_pair.len(), PAIRS, "{}", metric.id);
        let sum: f64 = metric.by_pair.iter().sum();
        let size: f64 = metric.by_pair.iter().map(|it| it.abs()).sum();
        assert!(sum.abs() < 1e-3 * size, "{}: {sum} of {size}", metric.id);
        let [low, high] = metric.interval.unwrap();
        let value = metric.value.unwrap();
        assert!(low <= value && value <= high, "{}", metric.id);
    }
    let has = |it: &MetricReport| {
        let states = it.per_state.iter().any(|state| state.interval.is_some());
        states || it.interval.is_some() || !it.by_pair.is_empty()
    };
    assert!(!measure(&gpu, PAIRS, PAIRS).iter().any(has));
    assert!(!measure_some(&gpu, 4, &all[..4], true).iter().any(has));
    // Values are the same with intervals and without.
    let plain = measure(&gpu, PAIRS, PAIRS);
    for (one, other) in measure_some(&gpu, PAIRS, &all, true).iter().zip(&plain) {
        let close = (one.value.unwrap() - other.value.unwrap()).abs();
        assert!(close < 1e-6 * one.value.unwrap().abs(), "{}", one.id);
    }
}

/// What is kept from the first pair to the last is counted before anything runs.
#[test]
fn memory_is_known_before() {
    let gpu = device(KernelVariant::Direct);
    let vocabulary: Arc<dyn Vocabulary> = Arc::new(Head::new(&gpu));
    for intervals in [false, true] {
        let setup = Setup {
            gpu: &gpu,
            layers: LAYERS,
            hidden_size: WIDTH,
            pairs: 40,
            vision: 400,
            vocabulary: Some(&vocabulary),
            intervals,
        };
        for kind in kinds() {
            gpu.trim();
            let before = gpu.memory().allocated;
            let metric = (kind.new)(&setup).unwrap();
            let taken = gpu.memory().allocated - before;
            let planned = (kind.bytes)(&setup);
            assert!(taken <= planned, "{:?}: {taken} of {planned}", kind.ids);
            drop(metric);
        }
    }
}
