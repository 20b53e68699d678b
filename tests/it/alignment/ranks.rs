//! The effective rank, against what numpy gives (`tests/golden/make_quantities.py`).

use std::collections::BTreeMap;

use mirscope::{
    alignment::{Mir, MirSettings, effective_ranks},
    gpu::{Gpu, KernelVariant, Recording},
    platform::Cancel,
    report::MetricReport,
};

use super::{
    quantities::{LAYERS, PAIRS, WIDTH, tokens},
    run::{PLAIN, device},
};

/// The ranks of the first `pairs` pairs.
fn ranks(gpu: &Gpu, pairs: usize) -> Vec<MetricReport> {
    let settings = MirSettings {
        ranks: true,
        ..PLAIN
    };
    let counts = |pair: usize| [0, 1].map(|side| tokens(0, pair, side).len() / WIDTH);
    let of = |side: usize| (0..pairs).map(|pair| counts(pair)[side]).sum();
    let (vision, text) = (of(0), of(1));
    let mut mir = Mir::new(gpu, settings, LAYERS, WIDTH, vision, text, None).unwrap();
    let result = pollster::block_on(async {
        for pair in 0..pairs {
            let states: Vec<_> = (0..LAYERS)
                .map(|layer| {
                    let rows = [tokens(layer, pair, 0), tokens(layer, pair, 1)].concat();
                    gpu.upload(rows.len() / WIDTH, WIDTH, &rows).unwrap()
                })
                .collect();
            let [v, t] = counts(pair).map(|count| count as u32);
            let rows: Vec<u32> = (0..v + t).collect();
            let (vision, text) = rows.split_at(v as usize);
            let mut recording = Recording::new();
            mir.push(&mut recording, &states, vision, text).unwrap();
            gpu.run(&recording).await.unwrap();
        }
        mir.finish(&Cancel::default(), &mut |_, _| {})
            .await
            .unwrap()
    });
    let found: Vec<_> = result.layers.iter().map(|it| it.ranks).collect();
    let names = ["a", "b", "c"].map(str::to_owned);
    effective_ranks(&found, &names, [vision, text])
}

#[test]
fn of_many_and_of_few_tokens_it_is_what_numpy_gives() {
    let golden = include_str!("../../golden/quantities.json");
    let golden: BTreeMap<String, Vec<f64>> = serde_json::from_str(golden).unwrap();
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        for (pairs, suffix) in [(PAIRS, ""), (2, "-of-2")] {
            for metric in ranks(&gpu, pairs) {
                let expected = &golden[&(metric.id.clone() + suffix)];
                for (state, expected) in metric.per_state.iter().zip(expected) {
                    let found = state.value.unwrap();
                    let error = (found / expected - 1.0).abs();
                    assert!(
                        error < 1e-5,
                        "{} of {pairs}: {found}, {expected}",
                        metric.id
                    );
                }
                let mean = expected.iter().sum::<f64>() / LAYERS as f64;
                assert!((metric.value.unwrap() / mean - 1.0).abs() < 1e-5);
            }
        }
    }
}
