//! The intervals of the demo against 200 full resamples of its pairs, in f64.

use std::{ops::Range, path::PathBuf, sync::Arc};

use faer::{Mat, Side};
use mirscope::gpu::Recording;
use mirscope::{
    alignment::{Mir, MirSettings, effective_ranks},
    input::Processor,
    model::{CaptureRequest, Checkpoint, Hook},
    platform::Cancel,
    weights::FolderSource,
};
use serde_json::Value;

use super::{clouds::Cloud, outliers::replaced};
use crate::{model::Run, support};

const RESAMPLES: usize = 200;

/// Sums over the tokens of one pair, about a mean that all pairs share.
struct PairSums {
    tokens: f64,
    norms: f64,
    sum: Mat<f64>,
    products: Mat<f64>,
}

/// One modality of a layer, by pairs.
fn sums(raw: &Cloud, ranges: &[Range<usize>]) -> Vec<PairSums> {
    let width = raw.width;
    let (after, _) = replaced(raw);
    let mean = super::oracle::mean(&after);
    let each = ranges.iter().map(|range| {
        let rows = Mat::from_fn(range.len(), width, |i, j| {
            f64::from(after.values[(range.start + i) * width + j]) - mean[j]
        });
        let norm = |row: usize| {
            let row = &raw.values[row * width..(row + 1) * width];
            row.iter()
                .map(|&x| f64::from(x).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        PairSums {
            tokens: range.len() as f64,
            norms: range.clone().map(norm).sum(),
            sum: Mat::from_fn(1, width, |_, j| rows.col(j).sum()),
            products: rows.transpose() * &rows,
        }
    });
    each.collect()
}

/// Mean, covariance and mean norm of a modality.
type Moments = (Mat<f64>, Mat<f64>, f64);

/// Where each pair counts as often as its weight says.
fn weighted(pairs: &[PairSums], weights: &[f64]) -> Moments {
    let width = pairs[0].sum.ncols();
    let (mut count, mut norms) = (0.0, 0.0);
    let (mut sum, mut products) = (Mat::zeros(1, width), Mat::zeros(width, width));
    for (pair, &weight) in pairs.iter().zip(weights) {
        if weight > 0.0 {
            count += weight * pair.tokens;
            norms += weight * pair.norms;
            sum += faer::Scale(weight) * &pair.sum;
            products += faer::Scale(weight) * &pair.products;
        }
    }
    let mean = faer::Scale(1.0 / count) * &sum;
    let scatter = products - faer::Scale(count) * (mean.transpose() * &mean);
    (
        mean,
        faer::Scale(1.0 / (count - 1.0)) * scatter,
        norms / count,
    )
}

/// `exp` of the entropy of the eigenvalues.
fn effective_rank((_, covariance, _): &Moments) -> f64 {
    let values = covariance.self_adjoint_eigenvalues(Side::Lower).unwrap();
    let trace: f64 = values.iter().sum();
    let shares = values.iter().map(|x| x / trace).filter(|p| *p > 0.0);
    shares.map(|p| -p * p.ln()).sum::<f64>().exp()
}

/// The exact distance; `shift` is the difference of the means that the sums are about.
fn distance([(mv, sv, _), (mt, st, norm)]: &[Moments; 2], shift: &Mat<f64>) -> f64 {
    let location = (mv - mt + shift).squared_norm_l2();
    let factors = [sv, st].map(|s| s.llt(Side::Lower).unwrap().L().to_owned());
    let product = factors[0].transpose() * &factors[1];
    let root: f64 = product.singular_values().unwrap().iter().sum();
    let trace = |s: &Mat<f64>| (0..s.nrows()).map(|i| s[(i, i)]).sum::<f64>();
    (location + trace(sv) + trace(st) - 2.0 * root) / (norm * norm)
}

#[test]
#[ignore = "a minute or two: 128 forwards and 1200 distances in f64"]
#[allow(clippy::print_stdout)]
fn the_demos_standard_errors_are_those_of_the_bootstrap_of_pairs() {
    let gpu = support::gpu();
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/demo");
    let source = Arc::new(FolderSource::open(root.join("model")).unwrap());
    let checkpoint = Checkpoint::open(source).unwrap();
    let (layers, width) = {
        let text = &checkpoint.spec.text;
        (text.num_hidden_layers, text.hidden_size)
    };
    let processor = Processor::open(&**checkpoint.source(), &checkpoint.spec).unwrap();
    let request = CaptureRequest::new().with_all((1..=layers).map(Hook::Layer));
    let list = std::fs::read_to_string(root.join("pairs.jsonl")).unwrap();
    let mut clouds = vec![
        [(); 2].map(|()| Cloud {
            width,
            values: Vec::new()
        });
        layers
    ];
    let mut ranges: [Vec<Range<usize>>; 2] = Default::default();
    let mut pushed = Vec::new();
    for line in list.lines() {
        let pair: Value = serde_json::from_str(line).unwrap();
        let image = std::fs::read(root.join(pair["image"].as_str().unwrap())).unwrap();
        let text = pair["text"].as_str().unwrap();
        let run = Run::of(&gpu, &checkpoint, &image, text, &request);
        let plan = processor.image("the image", &image).unwrap().plan;
        let prompt = processor.document("the text", &[text], &[&plan]).unwrap();
        let vision: Vec<u32> = prompt.vision.clone();
        let text: Vec<u32> = (vision.last().unwrap() + 1..prompt.input_ids.len() as u32).collect();
        for (side, rows) in [&vision, &text].into_iter().enumerate() {
            let begin = ranges[side].last().map_or(0, |range| range.end);
            ranges[side].push(begin..begin + rows.len());
        }
        let mut states = Vec::new();
        for (layer, clouds) in clouds.iter_mut().enumerate() {
            let values = run.values(run.capture.get(Hook::Layer(layer + 1)).unwrap());
            for (cloud, rows) in clouds.iter_mut().zip([&vision, &text]) {
                for &row in rows {
                    cloud
                        .values
                        .extend(&values[row as usize * width..][..width]);
                }
            }
            states.push(values);
        }
        pushed.push((states, vision, text));
    }
    let settings = MirSettings {
        intervals: true,
        ranks: true,
        ..MirSettings::default()
    };
    let [n_v, n_t] = [0, 1].map(|side: usize| ranges[side].last().unwrap().end);
    let mut mir = Mir::new(&gpu, settings, layers, width, n_v, n_t, None).unwrap();
    for (states, vision, text) in &pushed {
        let upload = |values: &Vec<f32>| gpu.upload(values.len() / width, width, values).unwrap();
        let states: Vec<_> = states.iter().map(upload).collect();
        let mut recording = Recording::new();
        mir.push(&mut recording, &states, vision, text).unwrap();
        pollster::block_on(gpu.run(&recording)).unwrap();
    }
    let result = pollster::block_on(mir.finish(&Cancel::default(), &mut |_, _| {})).unwrap();
    // Student's t with 127 degrees of freedom.
    let error = |interval: Option<[f64; 2]>| {
        let [low, high] = interval.unwrap();
        (high - low) / 2.0 / 1.978_82
    };
    let names: Vec<String> = (1..=layers).map(|layer| layer.to_string()).collect();
    let ranks = effective_ranks(&result.layers, &names);
    let errors: [f64; 3] = [
        result.intervals()[0].overall,
        ranks[0].interval,
        ranks[1].interval,
    ]
    .map(error);

    let of_layers: Vec<_> = (clouds.iter())
        .map(|[vision, text]| {
            let means = [vision, text].map(|cloud| super::oracle::mean(&replaced(cloud).0));
            let shift = Mat::from_fn(1, width, |_, j| means[0][j] - means[1][j]);
            ([sums(vision, &ranges[0]), sums(text, &ranges[1])], shift)
        })
        .collect();
    let quantities = |weights: &[f64]| -> [f64; 3] {
        let mut sums = [0.0; 3];
        for (pairs, shift) in &of_layers {
            let moments = [0, 1].map(|side: usize| weighted(&pairs[side], weights));
            sums[0] += distance(&moments, shift);
            for (sum, moments) in sums[1..].iter_mut().zip(&moments) {
                *sum += effective_rank(moments) / layers as f64;
            }
        }
        [sums[0].log10(), sums[1], sums[2]]
    };
    let pairs = pushed.len();
    let values = [result.mir, ranks[0].value, ranks[1].value].map(Option::unwrap);
    let all = quantities(&vec![1.0; pairs]);
    for (all, value) in all.iter().zip(&values) {
        assert!((all / value - 1.0).abs() < 1e-5, "{all}, {value}");
    }
    let mut random = support::Random::new(21);
    let resampled: Vec<[f64; 3]> = (0..RESAMPLES)
        .map(|_| {
            let mut weights = vec![0.0; pairs];
            for _ in 0..pairs {
                weights[(random.next_u64() >> 16) as usize % pairs] += 1.0;
            }
            quantities(&weights)
        })
        .collect();
    let names = ["MIR", "effective rank, vision", "effective rank, text"];
    for (i, name) in names.into_iter().enumerate() {
        let of = || resampled.iter().map(|it| it[i]);
        let mean = of().sum::<f64>() / RESAMPLES as f64;
        let squares: f64 = of().map(|x| (x - mean).powi(2)).sum();
        let deviation = (squares / (RESAMPLES - 1) as f64).sqrt();
        let (value, error) = (values[i], errors[i]);
        println!(
            "{name} {value:.4}, standard error {error:.5}; {RESAMPLES} resamples of {pairs} pairs: {deviation:.5} about {mean:.4}"
        );
        assert!(
            (error / deviation - 1.0).abs() < 0.15,
            "{name}: {error}, {deviation}"
        );
        // Repeats bias the distance upward, and leave fewer directions.
        assert_eq!(mean > value, i == 0, "{name}: {mean}, {value}");
    }
}
