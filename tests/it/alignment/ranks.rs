//! The effective rank, against what numpy gives (`tests/golden/make_quantities.py`).

use std::collections::BTreeMap;

use mirscope::{
    alignment::{Mir, MirSettings, Streamed, effective_ranks},
    gpu::{Gpu, KernelVariant, Recording},
    platform::Cancel,
    report::MetricReport,
};

use super::{
    quantities::{LAYERS, PAIRS, WIDTH, tokens},
    run::{PLAIN, device},
};

/// The ranks of the first `pairs` pairs, with their states held or streamed.
fn ranks(gpu: &Gpu, pairs: usize, stream: bool) -> Vec<MetricReport> {
    let settings = MirSettings {
        ranks: true,
        ..PLAIN
    };
    let counts: Vec<[usize; 2]> = (0..pairs)
        .map(|pair| [0, 1].map(|side| tokens(0, pair, side).len() / WIDTH))
        .collect();
    let [vision, text] = [0, 1].map(|side| counts.iter().map(|it| it[side]).sum());
    let cancel = Cancel::default();
    let distances = pollster::block_on(async {
        let mut held = Mir::new(gpu, settings, LAYERS, WIDTH, vision, text, None).unwrap();
        let mut streamed = Streamed::new(gpu, settings, LAYERS, WIDTH, &counts)
            .await
            .unwrap();
        for (pair, &[v, t]) in counts.iter().enumerate() {
            let states: Vec<_> = (0..LAYERS)
                .map(|layer| {
                    let rows = [tokens(layer, pair, 0), tokens(layer, pair, 1)].concat();
                    gpu.upload(v + t, WIDTH, &rows).unwrap()
                })
                .collect();
            let rows: Vec<u32> = (0..(v + t) as u32).collect();
            let (vision, text) = rows.split_at(v);
            let mut recording = Recording::new();
            if stream {
                if !streamed.has_room([v, t]) {
                    streamed.settle(&cancel).await.unwrap();
                }
                let pushed = streamed.push(&mut recording, &states, vision, text);
                pushed.unwrap();
            } else {
                held.push(&mut recording, &states, vision, text).unwrap();
            }
            gpu.run(&recording).await.unwrap();
        }
        if !stream {
            let result = held.finish(&cancel, &mut |_, _| {}).await;
            return result.unwrap().layers;
        }
        assert_eq!(streamed.conclude(&cancel).await.unwrap(), [0; 0]);
        let found = streamed.finish(0, &cancel, &mut |_| {}).await;
        found.unwrap().0
    });
    let names = ["a", "b", "c"].map(str::to_owned);
    effective_ranks(&distances, &names)
}

#[test]
fn of_many_and_of_few_tokens_it_is_what_numpy_gives() {
    let golden = include_str!("../../golden/quantities.json");
    let golden: BTreeMap<String, Vec<f64>> = serde_json::from_str(golden).unwrap();
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        for (pairs, suffix) in [(PAIRS, ""), (2, "-of-2")] {
            let found = [false, true].map(|stream| ranks(&gpu, pairs, stream));
            for metric in found.into_iter().flatten() {
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
