//! What a pair or a layer lacks takes nothing from the others.

use std::sync::Arc;

use mirscope::{
    alignment::{LOGIT_LENS, METRICS, Observation, Setup, StateId, Vocabulary},
    gpu::{KernelVariant, Recording},
    platform::Cancel,
    report::MetricReport,
};

use super::{
    quantities::{Head, WIDTH, tokens},
    run::device,
};

/// A quantity of two layers of pairs with so many vision tokens, and two text tokens behind them.
fn told(id: &str, vision: &[usize], rows: fn(usize, usize) -> Vec<f32>) -> MetricReport {
    let gpu = device(KernelVariant::Direct);
    let vocabulary: Arc<dyn Vocabulary> = Arc::new(Head::new(&gpu));
    let setup = Setup {
        gpu: &gpu,
        layers: 2,
        hidden_size: WIDTH,
        pairs: vision.len(),
        vision: vision.iter().sum(),
        vocabulary: Some(&vocabulary),
        intervals: true,
    };
    let mut kinds = METRICS.iter().chain([&LOGIT_LENS]);
    let kind = kinds.find(|kind| kind.ids.contains(&id)).unwrap();
    let mut metric = (kind.new)(&setup).unwrap();
    pollster::block_on(async {
        for (pair, &count) in vision.iter().enumerate() {
            let states = [1, 2].map(|layer| {
                let rows = &rows(layer, pair + count)[..(count + 2) * WIDTH];
                let state = gpu.upload(count + 2, WIDTH, rows).unwrap();
                (StateId::Layer(layer), state)
            });
            let all: Vec<u32> = (0..count as u32 + 2).collect();
            let (vision, text) = all.split_at(count);
            let observation = Observation {
                states: &states,
                vision,
                text,
                ..Observation::default()
            };
            let mut recording = Recording::new();
            metric.push(&mut recording, &observation).unwrap();
            gpu.run(&recording).await.unwrap();
        }
        let found = metric.finish(Cancel::default()).await.unwrap();
        found.into_iter().find(|it| it.id == id).unwrap()
    })
}

#[test]
fn a_layer_without_a_gap_leaves_the_others_their_intervals() {
    let gap = told("centroid-gap", &[2; 6], |layer, pair| match layer {
        1 => vec![1.0; 4 * WIDTH],
        _ => tokens(0, pair, 0),
    });
    let states = [0, 1].map(|layer: usize| &gap.per_state[layer]);
    assert_eq!((states[0].value, states[0].interval), (Some(0.0), None));
    assert!(states[1].interval.is_some(), "{gap:?}");
    assert!(gap.interval.is_none() && gap.by_pair.is_empty());
}

#[test]
fn a_pair_without_vision_tokens_ends_no_logit_lens() {
    // The last two say the same in either order, by the same number of rows.
    let lens = |vision: &[usize]| {
        told("logit-lens-entropy", vision, |layer, _| {
            tokens(layer, 0, 0).repeat(2)
        })
    };
    let [some, all] = [lens(&[3, 0, 4]), lens(&[3, 4, 0])];
    assert_eq!(some.basis, "7 vision tokens of 2 pairs");
    assert_eq!((some.basis, some.value), (all.basis, all.value));
    assert!(some.value.is_some());
}
