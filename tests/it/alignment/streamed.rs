//! Streamed clouds against the same ones held in memory, and against f64.

use mirscope::{
    alignment::{AlignmentError, Influence, Mir, MirResult, MirSettings, StreamPlan, Streamed},
    gpu::{Gpu, GpuError, KernelVariant, Recording, Tensor},
    platform::Cancel,
    report::Outliers,
};

use super::{
    clouds::{Cloud, normal},
    oracle,
    outliers::{outliers, replaced, without_outliers},
    run::{PLAIN, device},
};
use crate::support::Random;

/// Both modalities of each layer, and how many tokens each pair has of them.
pub(super) struct Data {
    pub(super) layers: Vec<[Cloud; 2]>,
    pub(super) pairs: Vec<[usize; 2]>,
}

impl Data {
    /// Pairs whose tokens lie together, each about a point of its own; `share` of all tokens are 4 to 8 times as
    /// long as the others, and what `stretch` says of the pair's number.
    pub(super) fn new(
        random: &mut Random,
        [pairs, width]: [usize; 2],
        tokens: [usize; 2],
        share: f64,
        stretch: impl Fn(usize) -> f32,
    ) -> Self {
        let pairs: Vec<[usize; 2]> = (0..pairs)
            .map(|pair| tokens.map(|tokens| tokens + pair % 3))
            .collect();
        let layer = |random: &mut Random, condition: f64| {
            [0, 1].map(|side: usize| {
                let total = pairs.iter().map(|pair| pair[side]).sum();
                let mut cloud = normal(random, total, width, condition, 1.0 + side as f64);
                let offset: Vec<f32> = (0..width).map(|_| 2.0 * random.normal() as f32).collect();
                let mut row = 0;
                for (index, pair) in pairs.iter().enumerate() {
                    let shift: Vec<f32> =
                        (0..width).map(|_| 0.4 * random.normal() as f32).collect();
                    for _ in 0..pair[side] {
                        let uniform = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                        let long = match uniform < share {
                            true => 4.0 + (4.0 * uniform / share) as f32,
                            false => 1.0,
                        };
                        let own = &mut cloud.values[row * width..(row + 1) * width];
                        for ((x, shift), offset) in own.iter_mut().zip(&shift).zip(&offset) {
                            *x = long * stretch(index) * (*x + shift + offset);
                        }
                        row += 1;
                    }
                }
                cloud
            })
        };
        let layers = vec![layer(random, 30.0), layer(random, 1000.0)];
        Self { layers, pairs }
    }

    pub(super) fn width(&self) -> usize {
        self.layers[0][0].width
    }

    /// The states of a pair, its vision tokens first.
    fn states(&self, gpu: &Gpu, pair: usize) -> (Vec<Tensor>, Vec<u32>, Vec<u32>) {
        let width = self.width();
        let before = |side: usize| self.pairs[..pair].iter().map(|it| it[side]).sum::<usize>();
        let [vision, text] = self.pairs[pair];
        let states = self.layers.iter().map(|layer| {
            let rows = |side: usize, count: usize| {
                let begin = before(side);
                layer[side].values[begin * width..(begin + count) * width].to_vec()
            };
            let values = [rows(0, vision), rows(1, text)].concat();
            gpu.upload(vision + text, width, &values).unwrap()
        });
        let split = vision as u32;
        (
            states.collect(),
            (0..split).collect(),
            (split..split + text as u32).collect(),
        )
    }

    pub(super) fn held(&self, gpu: &Gpu, settings: MirSettings) -> MirResult {
        let [vision, text] = [0, 1].map(|side: usize| self.layers[0][side].tokens());
        let layers = self.layers.len();
        let mut mir = Mir::new(gpu, settings, layers, self.width(), vision, text, None).unwrap();
        for pair in 0..self.pairs.len() {
            let (states, vision, text) = self.states(gpu, pair);
            let mut recording = Recording::new();
            mir.push(&mut recording, &states, &vision, &text).unwrap();
            pollster::block_on(gpu.run(&recording)).unwrap();
        }
        pollster::block_on(mir.finish(&Cancel::default(), &mut |_, _| {})).unwrap()
    }

    /// The result, and the pairs that ran again.
    fn streamed(&self, gpu: &Gpu, settings: MirSettings) -> (MirResult, Vec<usize>) {
        pollster::block_on(async {
            let cancel = Cancel::default();
            let (layers, width) = (self.layers.len(), self.width());
            let streamed = Streamed::new(gpu, settings, layers, width, &self.pairs).await;
            let mut streamed = streamed.unwrap();
            let all: Vec<usize> = (0..self.pairs.len()).collect();
            self.push(gpu, &mut streamed, &all).await;
            let again = streamed.conclude(&cancel).await.unwrap();
            self.push(gpu, &mut streamed, &again).await;
            let mut told = Vec::new();
            let mut tell = |layer| told.push(layer);
            let (mut found, second) = streamed.finish(0, &cancel, &mut tell).await.unwrap();
            assert_eq!(told, (1..=layers).collect::<Vec<_>>());
            assert_eq!(second.is_some(), settings.intervals);
            if let Some(mut second) = second {
                for pair in 0..self.pairs.len() {
                    let (states, vision, text) = self.states(gpu, pair);
                    if !second.has_room(self.pairs[pair]) {
                        second.settle(&cancel).await.unwrap();
                    }
                    let mut recording = Recording::new();
                    second
                        .push(&mut recording, &states, &vision, &text)
                        .unwrap();
                    gpu.run(&recording).await.unwrap();
                }
                let influences = second.finish(&cancel).await.unwrap();
                for (layer, influence) in found.iter_mut().zip(influences) {
                    layer.influence = influence;
                }
            }
            (MirResult::new(found), again)
        })
    }

    pub(super) async fn push(&self, gpu: &Gpu, streamed: &mut Streamed, pairs: &[usize]) {
        for &pair in pairs {
            let (states, vision, text) = self.states(gpu, pair);
            if !streamed.has_room(self.pairs[pair]) {
                streamed.settle(&Cancel::default()).await.unwrap();
            }
            assert!(streamed.has_room(self.pairs[pair]));
            let mut recording = Recording::new();
            streamed
                .push(&mut recording, &states, &vision, &text)
                .unwrap();
            gpu.run(&recording).await.unwrap();
        }
    }
}

/// The largest relative error of a layer against what is held, and against f64.
#[allow(clippy::print_stdout)]
fn compare(data: &Data, gpu: &Gpu, rule: Outliers, what: &str) -> Vec<usize> {
    let settings = MirSettings {
        outliers: rule,
        intervals: true,
        ranks: true,
        ..PLAIN
    };
    let held = data.held(gpu, settings);
    let (streamed, again) = data.streamed(gpu, settings);
    for (layer, (held, found)) in held.layers.iter().zip(&streamed.layers).enumerate() {
        let [vision, text] = &data.layers[layer];
        let after = |cloud: &Cloud| match rule {
            Outliers::Replace => replaced(cloud).0,
            Outliers::Drop => without_outliers(cloud),
            Outliers::Keep => cloud.clone(),
        };
        let alpha = 1.0 / oracle::mean_norm(text);
        let exact = alpha.powi(2) * oracle::parts(&after(vision), &after(text)).frechet();
        assert_eq!(found.tokens, held.tokens);
        assert_eq!(
            found.outliers, held.outliers,
            "{what}, {rule}, layer {layer}"
        );
        let share = found.outliers[0] as f64 / found.tokens[0] as f64;
        let errors = [held.frechet, exact].map(|right| (found.frechet / right - 1.0).abs());
        println!(
            "{what}, {rule}, layer {layer}: {:.1} % outliers, {:.1e} from held, {:.1e} from f64, {} pairs again",
            100.0 * share,
            errors[0],
            errors[1],
            again.len()
        );
        assert!(
            errors[0] < 1e-5 && errors[1] < 1e-5,
            "{what}, {rule}, layer {layer}: {errors:?}"
        );
        for (found, held) in [
            (found.location, held.location),
            (found.frechet_norm_matched, held.frechet_norm_matched),
            (found.mean_norms[0], held.mean_norms[0]),
            (found.moments.trace_text, held.moments.trace_text),
        ] {
            assert!(
                (found / held - 1.0).abs() < 1e-5,
                "{what}, {rule}, layer {layer}"
            );
        }
        let of = |influence: &Option<Influence>| {
            let own = influence.clone().expect("there are derivatives");
            let [vision, text] = own.ranks;
            [
                own.frechet,
                own.norm_matched,
                own.norm_ratio,
                own.gap,
                vision,
                text,
            ]
        };
        for (found, held) in of(&found.influence).iter().zip(of(&held.influence)) {
            let largest = held.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            let errors = found
                .iter()
                .zip(&held)
                .map(|(a, b)| (a - b).abs() / largest);
            let error = errors.fold(0.0, f64::max);
            assert_eq!(found.len(), data.pairs.len());
            assert!(
                error < 1e-3,
                "{what}, {rule}, layer {layer}: derivatives differ by {error:.1e}"
            );
        }
        let outliers = outliers(vision).iter().filter(|it| **it).count();
        assert_eq!(
            found.outliers[0],
            if rule == Outliers::Keep { 0 } else { outliers }
        );
    }
    again
}

#[test]
fn streamed_clouds_are_those_that_are_held_direct() {
    let gpu = device(KernelVariant::Direct);
    for share in [0.0, 0.05] {
        let data = Data::new(&mut Random::new(41), [70, 24], [38, 12], share, |_| 1.0);
        for rule in Outliers::ALL {
            compare(&data, &gpu, rule, &format!("{share} long"));
        }
    }
}

#[test]
fn streamed_clouds_are_those_that_are_held_tiled() {
    let gpu = device(KernelVariant::Tiled);
    let data = Data::new(&mut Random::new(42), [50, 65], [40, 14], 0.05, |_| 1.0);
    compare(&data, &gpu, Outliers::Replace, "tiled");
}

#[test]
fn more_rows_than_may_wait_are_decided_about_on_the_way() {
    let gpu = device(KernelVariant::Direct);
    let data = Data::new(&mut Random::new(43), [150, 8], [500, 40], 0.002, |_| 1.0);
    compare(&data, &gpu, Outliers::Replace, "many");
}

#[test]
fn what_the_first_pairs_mislead_about_runs_again() {
    let gpu = device(KernelVariant::Direct);
    // The first tokens are all of a length; later ones are not, so that the limit comes to lie elsewhere.
    let stretch = |pair: usize| match pair {
        0..8 => 1.0,
        _ => 1.0 + 0.02 * (pair % 29) as f32,
    };
    let data = Data::new(&mut Random::new(44), [60, 12], [30, 20], 0.03, stretch);
    for rule in [Outliers::Replace, Outliers::Drop] {
        let again = compare(&data, &gpu, rule, "misled");
        assert!(!again.is_empty() && again.len() < 60, "{again:?}");
    }
}

#[test]
fn a_wish_to_stop_is_heard_while_layers_are_factored() {
    let gpu = device(KernelVariant::Direct);
    let data = Data::new(&mut Random::new(48), [12, 24], [38, 12], 0.0, |_| 1.0);
    pollster::block_on(async {
        let cancel = Cancel::default();
        let streamed = Streamed::new(&gpu, MirSettings::default(), 2, 24, &data.pairs).await;
        let mut streamed = streamed.unwrap();
        let all: Vec<usize> = (0..12).collect();
        data.push(&gpu, &mut streamed, &all).await;
        assert!(streamed.conclude(&cancel).await.unwrap().is_empty());
        cancel.cancel();
        let found = streamed.finish(0, &cancel, &mut |_| {}).await;
        let error = found.err().expect("cancelled");
        assert!(matches!(error, AlignmentError::Gpu(GpuError::Cancelled)));
    });
}

#[test]
#[allow(clippy::print_stdout)]
fn memory_does_not_grow_with_the_number_of_pairs() {
    // What a run takes is told by the plan; the plan, by the pairs it knows of.
    let gpu = device(KernelVariant::Direct);
    let settings = MirSettings {
        intervals: true,
        ranks: true,
        ..MirSettings::default()
    };
    let peak = |pairs: usize| {
        let data = Data::new(&mut Random::new(45), [pairs, 64], [90, 60], 0.01, |_| 1.0);
        gpu.trim();
        gpu.reset_peak();
        data.streamed(&gpu, settings);
        let plan = StreamPlan::new(&gpu, 64, &data.pairs).unwrap();
        (gpu.memory().peak, plan.with(settings).total(2))
    };
    let (few, planned_few) = peak(100);
    let (many, planned_many) = peak(1000);
    println!("100 pairs {few} of {planned_few} bytes, 1000 pairs {many} of {planned_many}");
    assert_eq!(planned_few, planned_many);
    assert!(
        (many as f64 / few as f64 - 1.0).abs() < 0.05,
        "{few}, {many}"
    );
    assert!(many <= planned_many, "{many} of {planned_many}");
}

/// What layers that are factored together take, with what intervals want of them, is in the plan, too.
#[test]
#[allow(clippy::print_stdout)]
fn the_end_of_a_measurement_stays_within_the_plan() {
    let gpu = device(KernelVariant::Direct);
    let (width, layers) = (256, 12);
    let pairs = vec![[50, 40]; 16];
    let mut random = Random::new(47);
    let values = random.normals(16 * 90 * width);
    let settings = MirSettings {
        intervals: true,
        ranks: true,
        ..MirSettings::default()
    };
    gpu.trim();
    let before = gpu.memory().allocated;
    let at_end = pollster::block_on(async {
        let cancel = Cancel::default();
        let streamed = Streamed::new(&gpu, settings, layers, width, &pairs).await;
        let mut streamed = streamed.unwrap();
        let (vision, text): (Vec<u32>, Vec<u32>) = ((0..50).collect(), (50..90).collect());
        for rows in values.chunks_exact(90 * width) {
            if !streamed.has_room([50, 40]) {
                streamed.settle(&cancel).await.unwrap();
            }
            let state = gpu.upload(90, width, rows).unwrap();
            let mut recording = Recording::new();
            let states = vec![state; layers];
            streamed
                .push(&mut recording, &states, &vision, &text)
                .unwrap();
            gpu.run(&recording).await.unwrap();
        }
        assert!(streamed.conclude(&cancel).await.unwrap().is_empty());
        gpu.trim();
        gpu.reset_peak();
        let (found, second) = streamed.finish(0, &cancel, &mut |_| {}).await.unwrap();
        assert!(found.len() == layers && second.is_some());
        gpu.memory().peak - before
    });
    let plan = StreamPlan::new(&gpu, width, &pairs).unwrap();
    let planned = plan.with(settings).total(layers);
    println!("width {width}, {layers} layers at the end: {at_end} of {planned} planned bytes");
    assert!(
        at_end <= planned && at_end as f64 > 0.5 * planned as f64,
        "{at_end} of {planned}"
    );
}

#[test]
#[allow(clippy::print_stdout)]
fn a_decoder_of_seven_billion_parameters_fits_beside_its_weights() {
    let gpu = device(KernelVariant::Direct);
    // LLaVA-1.5-7B with 100 pairs: 576 vision tokens each, and a text of 100.
    let plan = StreamPlan::new(&gpu, 4096, &[[576, 100]; 100]).unwrap();
    let at_once = plan.layers_within(8_000_000_000).unwrap();
    println!("{at_once} layers at once, {} bytes", plan.total(32));
    assert!(at_once >= 32, "more than one pass: {at_once}");
    assert!(plan.total(at_once) <= 8_000_000_000 && plan.total(at_once + 1) > 8_000_000_000);
    // A budget below one layer names what one takes; one layer more takes its share.
    assert_eq!(plan.layers_within(plan.total(1) - 1), Err(plan.total(1)));
    for layers in 1..50 {
        assert_eq!(plan.layers_within(plan.total(layers)), Ok(layers));
    }
    // Two layers of that width take what the plan says.
    let pairs = vec![[40, 30]; 24];
    let random = &mut Random::new(46);
    let values = random.normals(70 * 4096);
    let states: Vec<Tensor> = (0..2)
        .map(|_| gpu.upload(70, 4096, &values).unwrap())
        .collect();
    gpu.trim();
    let before = gpu.memory().allocated;
    gpu.reset_peak();
    pollster::block_on(async {
        let cancel = Cancel::default();
        let streamed = Streamed::new(&gpu, MirSettings::default(), 2, 4096, &pairs).await;
        let mut streamed = streamed.unwrap();
        let (vision, text): (Vec<u32>, Vec<u32>) = ((0..40).collect(), (40..70).collect());
        for pair in &pairs {
            if !streamed.has_room(*pair) {
                streamed.settle(&cancel).await.unwrap();
            }
            let mut recording = Recording::new();
            streamed
                .push(&mut recording, &states, &vision, &text)
                .unwrap();
            gpu.run(&recording).await.unwrap();
        }
        assert!(streamed.conclude(&cancel).await.unwrap().is_empty());
        let (found, _) = streamed.finish(0, &cancel, &mut |_| {}).await.unwrap();
        assert_eq!(found.len(), 2);
    });
    let peak = gpu.memory().peak - before;
    let plan = StreamPlan::new(&gpu, 4096, &pairs).unwrap();
    let (planned, layers) = (plan.total(2), 2 * plan.per_layer);
    println!(
        "width 4096, two layers: peak {peak} of {planned} planned bytes, {layers} of them theirs"
    );
    assert!(
        peak <= planned && peak as f64 > 0.9 * layers as f64,
        "{peak} of {planned}, {layers}"
    );
}
