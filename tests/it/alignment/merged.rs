//! Sums that parts of a measurement saved, merged, against all tokens held in memory.

use mirscope::{
    alignment::{
        Influence, LayerDistance, MergeError, Merging, MirResult, MirSettings, Modality, SavedSums,
        Streamed,
    },
    gpu::{Gpu, KernelVariant},
    platform::Cancel,
    report::Outliers,
};

use super::{
    run::{PLAIN, device},
    streamed::Data,
};
use crate::support::Random;

/// Of each layer and modality the sums of each part.
type Saved = Vec<[Vec<SavedSums>; 2]>;

/// Saves each of the parts. Gives the number of pairs that ran again as well.
async fn saved(data: &Data, gpu: &Gpu, rule: Outliers, parts: &[Vec<usize>]) -> (Saved, usize) {
    let cancel = Cancel::default();
    let (layers, width) = (data.layers.len(), data.width());
    let settings = MirSettings {
        outliers: rule,
        ..PLAIN
    };
    let mut all: Saved = vec![Default::default(); layers];
    let mut again = 0;
    for pairs in parts {
        let tokens: Vec<[usize; 2]> = pairs.iter().map(|&pair| data.pairs[pair]).collect();
        let mut streamed = Streamed::of_part(gpu, settings, layers, width, &tokens).unwrap();
        assert!(!streamed.can_be_saved());
        data.push(gpu, &mut streamed, pairs).await;
        let once_more = streamed.conclude_part(&cancel).await.unwrap();
        again += once_more.len();
        let once_more: Vec<usize> = once_more.iter().map(|&pair| pairs[pair]).collect();
        data.push(gpu, &mut streamed, &once_more).await;
        streamed.settle_all(&cancel).await.unwrap();
        assert!(streamed.can_be_saved());
        assert_eq!(streamed.pairs(), pairs.len());
        for (layer, both) in all.iter_mut().enumerate() {
            for (modality, own) in Modality::ALL.into_iter().zip(both) {
                let size = streamed.saved_size(layer, modality);
                let found = streamed.saved(layer, modality).await.unwrap();
                // As a file has it.
                let parts = found.parts().clone();
                let read = SavedSums::from_parts(parts, size).unwrap();
                assert_eq!(read, found);
                own.push(read);
            }
        }
    }
    (all, again)
}

async fn merged(
    data: &Data,
    gpu: &Gpu,
    settings: MirSettings,
    saved: &Saved,
) -> Result<MirResult, MergeError> {
    let cancel = Cancel::default();
    let merging = Merging::new(gpu, settings, data.width(), &data.pairs)?;
    let mut distances = Vec::new();
    for (layer, [vision, text]) in saved.iter().enumerate() {
        let number = layer + 1;
        let shards: Vec<usize> = (0..vision.len()).collect();
        // Derivatives come of leaving each part out.
        let out = if settings.intervals { &*shards } else { &[] };
        let vision = merging.sums(vision, (&shards, out), (number, Modality::Vision), &cancel);
        let vision = vision.await?;
        let text = merging.sums(text, (&shards, out), (number, Modality::Text), &cancel);
        let both = vision.into_iter().zip(text.await?);
        let mut found = Vec::new();
        for (vision, text) in both {
            let both = vec![[vision, text]];
            found.extend(merging.distances(layer, both, &cancel).await?);
        }
        let mut found = found.into_iter();
        let mut distance = found.next().expect("a layer");
        let without: Vec<LayerDistance> = found.collect();
        assert_eq!(without.len(), out.len());
        distance.influence = settings.intervals.then(|| Influence::of_groups(&without));
        distances.push(distance);
    }
    Ok(MirResult::new(distances))
}

/// The pairs of each of so many parts, dealt out one by one.
fn dealt(data: &Data, parts: usize) -> Vec<Vec<usize>> {
    let own = |part: usize| (part..data.pairs.len()).step_by(parts).collect();
    (0..parts).map(own).collect()
}

#[allow(clippy::print_stdout)]
fn compare(data: &Data, gpu: &Gpu, rule: Outliers, parts: &[Vec<usize>], what: &str) -> usize {
    let settings = MirSettings {
        outliers: rule,
        ranks: true,
        ..PLAIN
    };
    let held = data.held(gpu, settings);
    let (found, again) = pollster::block_on(async {
        let (saved, again) = saved(data, gpu, rule, parts).await;
        (merged(data, gpu, settings, &saved).await.unwrap(), again)
    });
    for (layer, (held, found)) in held.layers.iter().zip(&found.layers).enumerate() {
        assert_eq!(found.tokens, held.tokens);
        assert_eq!(
            found.outliers, held.outliers,
            "{what}, {rule}, layer {layer}"
        );
        assert_eq!(found.near_limit, held.near_limit);
        let values = [
            ("frechet", found.frechet, held.frechet),
            ("location", found.location, held.location),
            (
                "norm-matched",
                found.frechet_norm_matched,
                held.frechet_norm_matched,
            ),
            ("norm", found.mean_norms[0], held.mean_norms[0]),
            ("trace", found.moments.trace_text, held.moments.trace_text),
            ("rank", found.ranks[0].unwrap(), held.ranks[0].unwrap()),
        ];
        for (name, found, held) in values {
            let error = (found / held - 1.0).abs();
            if name == "frechet" {
                println!("{what}, {rule}, layer {layer}: {error:.1e} from held");
            }
            assert!(
                error < 1e-5,
                "{what}, {rule}, layer {layer}, {name}: {error:.1e}"
            );
        }
    }
    again
}

#[test]
fn merged_sums_are_those_of_all_tokens_direct() {
    let gpu = device(KernelVariant::Direct);
    for share in [0.0, 0.05] {
        let data = Data::new(&mut Random::new(61), [70, 24], [38, 12], share, |_| 1.0);
        for rule in Outliers::ALL {
            for parts in [1, 3, 8] {
                let what = format!("{share} long, {parts} parts");
                compare(&data, &gpu, rule, &dealt(&data, parts), &what);
            }
        }
    }
}

#[test]
fn merged_sums_are_those_of_all_tokens_tiled() {
    let gpu = device(KernelVariant::Tiled);
    let data = Data::new(&mut Random::new(62), [50, 65], [40, 14], 0.05, |_| 1.0);
    compare(&data, &gpu, Outliers::Replace, &dealt(&data, 4), "tiled");
}

/// An interrupted run leaves what it had, and goes on with the rest.
#[test]
fn parts_may_be_of_any_size() {
    let gpu = device(KernelVariant::Direct);
    let data = Data::new(&mut Random::new(63), [70, 24], [38, 12], 0.03, |_| 1.0);
    let parts = [(0..61).collect(), (61..69).collect(), vec![69]];
    compare(&data, &gpu, Outliers::Replace, &parts, "of any size");
}

#[test]
fn what_the_first_pairs_of_a_part_mislead_about_runs_again_in_it() {
    let gpu = device(KernelVariant::Direct);
    let stretch = |pair: usize| match pair {
        0..40 => 1.0,
        _ => 1.0 + 0.1 * (pair % 29) as f32,
    };
    let data = Data::new(&mut Random::new(44), [120, 12], [30, 20], 0.0, stretch);
    for rule in [Outliers::Replace, Outliers::Drop] {
        assert!(compare(&data, &gpu, rule, &dealt(&data, 2), "misled") > 0);
    }
}

/// What no norm of its own could tell a part.
#[test]
fn a_part_that_decided_otherwise_than_all_is_named() {
    let gpu = device(KernelVariant::Direct);
    // The outliers of the first part are none among the lengths of the second.
    let stretch = |pair: usize| if pair < 20 { 1.0 } else { pair as f32 - 19.0 };
    let data = Data::new(&mut Random::new(64), [40, 12], [30, 20], 0.02, stretch);
    let settings = MirSettings {
        outliers: Outliers::Replace,
        ..PLAIN
    };
    let parts = [(0..20).collect(), (20..40).collect()];
    let error = pollster::block_on(async {
        let (saved, _) = saved(&data, &gpu, Outliers::Replace, &parts).await;
        merged(&data, &gpu, settings, &saved).await
    });
    let error = error.expect_err("decided otherwise");
    let MergeError::Decided {
        part,
        layer,
        modality,
        tokens,
    } = error
    else {
        panic!("{error}");
    };
    assert_eq!((part, layer, modality), (0, 1, Modality::Vision));
    assert!(tokens > 0);
}

#[test]
fn parts_that_are_not_what_they_should_be_are_told() {
    let gpu = device(KernelVariant::Direct);
    let data = Data::new(&mut Random::new(65), [12, 8], [38, 12], 0.02, |_| 1.0);
    let (size, right) = pollster::block_on(async {
        let (saved, _) = saved(&data, &gpu, Outliers::Replace, &dealt(&data, 1)).await;
        let own = saved[0][0][0].clone();
        let waiting = own.parts()[2].len();
        let size = mirscope::alignment::SavedSize {
            width: 8,
            tokens: data.pairs.iter().map(|pair| pair[0]).sum(),
            waiting,
            outliers: Outliers::Replace,
        };
        (size, own)
    });
    let changed = |name: &str, change: &dyn Fn(&mut Vec<f32>)| {
        let mut parts = right.parts().clone();
        let place = SavedSums::NAMES
            .iter()
            .position(|own| *own == name)
            .unwrap();
        change(&mut parts[place]);
        SavedSums::from_parts(parts, size)
            .err()
            .map(|error| error.0)
    };
    assert_eq!(changed("norms", &|_| {}), None);
    for name in SavedSums::NAMES {
        assert_eq!(changed(name, &|part| part.push(1.0)), Some(name));
    }
    for name in [
        "scale", "center", "bounds", "high", "rest", "bins", "medians", "inverse",
    ] {
        assert_eq!(changed(name, &|part| part[0] = f32::NAN), Some(name));
    }
    assert_eq!(changed("fates", &|part| part[0] = 3.0), Some("fates"));
    assert_eq!(changed("scale", &|part| part[0] = 0.0), Some("scale"));
    let moved = |part: &mut Vec<f32>| {
        part[0] = if part[0] == 2.0 { 1.0 } else { 2.0 };
    };
    assert_eq!(changed("fates", &moved), Some("waiting"));
}

/// Leaving a part out is what the sums of the others give.
#[test]
fn what_is_left_out_is_not_there() {
    let gpu = device(KernelVariant::Direct);
    let data = Data::new(&mut Random::new(66), [64, 12], [38, 22], 0.03, |_| 1.0);
    let settings = MirSettings {
        outliers: Outliers::Keep,
        ranks: true,
        intervals: true,
        ..PLAIN
    };
    let parts = dealt(&data, 8);
    let (all, without) = pollster::block_on(async {
        let (saved, _) = saved(&data, &gpu, Outliers::Keep, &parts).await;
        let all = merged(&data, &gpu, settings, &saved).await.unwrap();
        let mut without = Vec::new();
        for out in 0..8 {
            let mut rest = saved.clone();
            for own in rest.iter_mut().flatten() {
                own.remove(out);
            }
            let settings = MirSettings {
                intervals: false,
                ..settings
            };
            without.push(merged(&data, &gpu, settings, &rest).await.unwrap());
        }
        (all, without)
    });
    for (layer, found) in all.layers.iter().enumerate() {
        let own = |value: &dyn Fn(&LayerDistance) -> f64| -> Vec<f64> {
            let without: Vec<f64> = without.iter().map(|it| value(&it.layers[layer])).collect();
            let mean = without.iter().sum::<f64>() / 8.0;
            without.iter().map(|it| 7.0 / 8.0 * (mean - it)).collect()
        };
        let influence = found.influence.as_ref().unwrap();
        for (found, right) in [
            (&influence.frechet, own(&|it| it.frechet)),
            (
                &influence.norm_ratio,
                own(&|it| it.mean_norms[0] / it.mean_norms[1]),
            ),
            (&influence.ranks[1], own(&|it| it.ranks[1].unwrap())),
        ] {
            let largest = right.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
            for (found, right) in found.iter().zip(&right) {
                assert!((found - right).abs() < 1e-4 * largest, "{found} {right}");
            }
        }
    }
}
