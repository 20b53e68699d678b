//! The outlier rule, norm matching, and clouds that are refused.

use mirscope::{
    alignment::{AlignmentError, Mir, MirSettings, Modality},
    gpu::{GpuError, KernelVariant, Recording},
    platform::Cancel,
    report::Outliers,
};

use super::{
    clouds::{Cloud, normal},
    oracle,
    run::{PLAIN, device, measure, try_measure},
};
use crate::support::Random;

const WITH_OUTLIERS: MirSettings = MirSettings {
    outliers: Outliers::Replace,
    ..PLAIN
};

/// The rule in plain f64: which rows are outliers.
pub fn outliers(cloud: &Cloud) -> Vec<bool> {
    let norms: Vec<f64> = cloud
        .rows()
        .map(|row| {
            row.iter()
                .map(|&x| f64::from(x).powi(2))
                .sum::<f64>()
                .sqrt()
        })
        .collect();
    let median = lower_median(&mut norms.clone());
    let count = norms.len() as f64;
    let mean = norms.iter().sum::<f64>() / count;
    let squares: f64 = norms.iter().map(|norm| (norm - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    let is_outlier = |norm: &f64| (norm - median).abs() > 3.0 * deviation;
    norms.iter().map(is_outlier).collect()
}

fn lower_median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[(values.len() - 1) / 2]
}

/// The cloud without them.
pub fn without_outliers(cloud: &Cloud) -> Cloud {
    let rows = cloud.rows().zip(outliers(cloud));
    let values = rows.filter(|(_, is_outlier)| !is_outlier);
    Cloud {
        width: cloud.width,
        values: values.flat_map(|(row, _)| row).copied().collect(),
    }
}

/// The cloud with the median of each dimension in their place, and how many they are.
pub fn replaced(cloud: &Cloud) -> (Cloud, usize) {
    let outliers = outliers(cloud);
    let medians: Vec<f32> = (0..cloud.width)
        .map(|col| {
            let mut column: Vec<f64> = cloud.rows().map(|row| f64::from(row[col])).collect();
            lower_median(&mut column) as f32
        })
        .collect();
    let rows = cloud.rows().zip(&outliers);
    let values = rows
        .flat_map(|(row, is_outlier)| if *is_outlier { &medians } else { row })
        .copied()
        .collect();
    let replaced = Cloud {
        width: cloud.width,
        values,
    };
    (replaced, outliers.iter().filter(|it| **it).count())
}

/// Rows `at` times a factor.
fn with_outliers(cloud: &Cloud, at: &[(usize, f32)]) -> Cloud {
    let mut cloud = cloud.clone();
    for &(row, factor) in at {
        let own = &mut cloud.values[row * cloud.width..(row + 1) * cloud.width];
        own.iter_mut().for_each(|x| *x *= factor);
    }
    cloud
}

#[test]
fn outliers_give_way_to_the_median_of_each_dimension() {
    let mut random = Random::new(301);
    let plain = normal(&mut random, 201, 20, 4.0, 3.0);
    let even = normal(&mut random, 80, 20, 4.0, 3.0);
    let cases = [
        (
            "both",
            with_outliers(&plain, &[(0, 20.0), (77, -30.0), (200, 15.0)]),
            even.clone(),
        ),
        (
            "even number",
            plain.clone(),
            with_outliers(&even, &[(79, 9.0)]),
        ),
        (
            "small norms",
            with_outliers(&plain.map(|_, x| x + 9.0), &[(5, 0.01), (6, 0.0)]),
            even.clone(),
        ),
        ("none", plain.clone(), even.clone()),
    ];
    for variant in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(variant);
        for (name, vision, text) in &cases {
            let ((v, v_count), (t, t_count)) = (replaced(vision), replaced(text));
            // Alpha comes from the text as it was.
            let alpha = 1.0 / oracle::mean_norm(text);
            let expected = alpha.powi(2) * oracle::parts(&v, &t).frechet();
            let found = measure(&gpu, WITH_OUTLIERS, &[(vision.clone(), text.clone())]);
            let layer = &found.layers[0];
            assert_eq!(layer.outliers, [v_count, t_count], "{variant:?} {name}");
            let error = (layer.frechet / expected - 1.0).abs();
            println!("{variant:?} {name}: {v_count} and {t_count} outliers, {error:.1e}");
            assert!(error < 1e-6, "{variant:?} {name}: {}", layer.frechet);
            let dropping = MirSettings {
                outliers: Outliers::Drop,
                ..PLAIN
            };
            let dropped = measure(&gpu, dropping, &[(vision.clone(), text.clone())]);
            let left = oracle::parts(&without_outliers(vision), &without_outliers(text));
            let expected = alpha.powi(2) * left.frechet();
            let own = &dropped.layers[0];
            assert_eq!(
                (own.outliers, own.mean_norms),
                (layer.outliers, layer.mean_norms)
            );
            let error = (own.frechet / expected - 1.0).abs();
            println!("{variant:?} {name}: left out {error:.1e}");
            assert!(error < 1e-6, "{variant:?} {name}: {}", own.frechet);
            let untouched = measure(&gpu, PLAIN, &[(vision.clone(), text.clone())]);
            assert_eq!(untouched.layers[0].outliers, [0, 0]);
            assert_eq!(
                untouched.layers[0].mean_norms, layer.mean_norms,
                "norms are those before the rule"
            );
        }
    }
}

#[test]
fn equal_rows_are_no_outliers() {
    let gpu = device(KernelVariant::Direct);
    let mut random = Random::new(302);
    let row = random.normals(12);
    let equal = |count: usize, factor: f32| Cloud {
        width: 12,
        values: (row.iter().cycle().take(12 * count))
            .map(|x| x * factor)
            .collect(),
    };
    let found = measure(&gpu, WITH_OUTLIERS, &[(equal(40, 2.0), equal(30, 1.0))]);
    let layer = &found.layers[0];
    assert_eq!(layer.outliers, [0, 0]);
    // Two points: the distance is that of the means, and the text's norm is 1.
    assert!((layer.frechet - 1.0).abs() < 1e-6, "{}", layer.frechet);
    assert!(layer.frechet_norm_matched < 1e-12);
}

#[test]
fn norm_matching_scales_each_modality() {
    let gpu = device(KernelVariant::Direct);
    let mut random = Random::new(303);
    let vision = normal(&mut random, 90, 20, 10.0, 2.0).scaled(30.0);
    let text = normal(&mut random, 70, 20, 10.0, 2.0);
    let (a, b) = (oracle::mean_norm(&vision), oracle::mean_norm(&text));
    let matched = oracle::parts(
        &vision.scaled((1.0 / a) as f32),
        &text.scaled((1.0 / b) as f32),
    );
    let found = measure(&gpu, PLAIN, &[(vision, text)]);
    let layer = &found.layers[0];
    let error = (layer.frechet_norm_matched / matched.frechet() - 1.0).abs();
    println!("norm-matched: {error:.1e}");
    assert!(error < 1e-6);
    assert!((layer.mean_norms[0] / a - 1.0).abs() < 1e-6);
    assert!((layer.mean_norms[1] / b - 1.0).abs() < 1e-6);
}

#[test]
fn layers_add_up_whether_they_fit_together_or_not() {
    let gpu = device(KernelVariant::Direct);
    let mut random = Random::new(304);
    let layers: Vec<(Cloud, Cloud)> = (0..3)
        .map(|layer| {
            let scale = 2_f32.powi(layer);
            let vision = normal(&mut random, 60, 20, 10.0, 1.0).scaled(scale);
            (vision, normal(&mut random, 15, 20, 10.0, 1.0))
        })
        .collect();
    let whole = measure(&gpu, WITH_OUTLIERS, &layers);
    let sum: f64 = whole.layers.iter().map(|layer| layer.frechet).sum();
    assert_eq!(whole.mir, Some(sum.log10()));
    let plan = |budget| Mir::plan(&gpu, 3, 20, 60, 15, budget).expect("fits");
    let all = plan(None);
    assert_eq!(all.layers_per_group, 3);
    let budget = all.total() - 1;
    assert!(plan(Some(budget)).layers_per_group < 3);
    assert!(plan(Some(budget)).total() <= budget);
    let grouped = try_measure(&gpu, WITH_OUTLIERS, &layers, Some(budget)).expect("runs");
    assert_eq!(whole, grouped);
}

#[test]
fn refuses_what_has_no_distance() {
    let gpu = device(KernelVariant::Direct);
    let mut random = Random::new(305);
    let good = normal(&mut random, 30, 10, 10.0, 1.0);
    let plan = |n_v, n_t, budget| Mir::plan(&gpu, 2, 10, n_v, n_t, budget);
    assert_eq!(
        plan(1, 5, None),
        Err(AlignmentError::TooFewTokens {
            modality: Modality::Vision,
            count: 1
        })
    );
    assert!(plan(2, 0, None).unwrap_err().to_string().contains("0 text"));
    let over = plan(1000, 1000, Some(100_000)).unwrap_err().to_string();
    assert!(
        over.contains("KiB") || over.contains("kB") || over.contains("MiB"),
        "{over}"
    );
    assert!(matches!(
        plan(100_000_000, 5, None),
        Err(AlignmentError::Gpu(GpuError::TooLarge { .. }))
    ));

    let broken = good.map(|dimension, x| if dimension == 4 { x / 0.0 } else { x });
    let layers = [(good.clone(), good.clone()), (good.clone(), broken)];
    assert_eq!(
        try_measure(&gpu, WITH_OUTLIERS, &layers, None).unwrap_err(),
        AlignmentError::NotFinite {
            layer: 2,
            modality: Modality::Text,
            tokens: 30
        }
    );
    let zero = good.scaled(0.0);
    assert_eq!(
        try_measure(&gpu, PLAIN, &[(good.clone(), zero)], None).unwrap_err(),
        AlignmentError::ZeroNorms {
            layer: 1,
            modality: Modality::Text
        }
    );
}

#[test]
fn takes_only_the_states_that_were_announced() {
    let gpu = device(KernelVariant::Direct);
    let state = |rows, width| {
        gpu.upload(rows, width, &vec![1.0; rows * width])
            .expect("up")
    };
    let mut mir = Mir::new(&gpu, PLAIN, 2, 8, 3, 2, None).expect("fits");
    let mut recording = Recording::new();
    let two = [state(6, 8), state(6, 8)];
    let mut refused = |states: &[_], vision: &[u32], text: &[u32]| {
        let error = mir.push(&mut recording, states, vision, text).unwrap_err();
        assert!(recording.steps().is_empty());
        error.to_string()
    };
    assert!(refused(&two[..1], &[0], &[1]).contains("2 layers"));
    assert!(refused(&[state(6, 8), state(5, 8)], &[0], &[1]).contains("[5, 8]"));
    assert!(refused(&[state(6, 9), state(6, 9)], &[0], &[1]).contains("[6, 9]"));
    assert!(refused(&two, &[0], &[6]).contains("position 6"));
    assert!(refused(&two, &[0, 1, 2, 3], &[5]).contains("4 vision"));
    mir.push(&mut recording, &two, &[0, 1, 2], &[5])
        .expect("fits");
    let missing = pollster::block_on(mir.finish(&Cancel::default(), &mut |_, _| {}));
    assert_eq!(
        missing.unwrap_err(),
        AlignmentError::TokenCount {
            modality: Modality::Text,
            expected: 2,
            found: 1
        }
    );
}

#[test]
fn stops_when_asked_and_tells_its_progress() {
    let gpu = device(KernelVariant::Direct);
    let mut random = Random::new(306);
    let cloud = normal(&mut random, 30, 10, 10.0, 1.0);
    let run = |cancel: &Cancel, heard: &mut Vec<(usize, usize)>| {
        let mut mir = Mir::new(&gpu, PLAIN, 2, 10, 30, 30, None).expect("fits");
        let states = [0, 1].map(|_| gpu.upload(30, 10, &cloud.values).expect("up"));
        let all: Vec<u32> = (0..30).collect();
        let mut recording = Recording::new();
        mir.push(&mut recording, &states, &all, &all).expect("fits");
        pollster::block_on(async {
            gpu.run(&recording).await.expect("runs");
            mir.finish(cancel, &mut |done, layers| heard.push((done, layers)))
                .await
        })
    };
    let mut heard = Vec::new();
    run(&Cancel::default(), &mut heard).expect("runs");
    assert_eq!(heard.last(), Some(&(2, 2)));
    assert!(heard.is_sorted());
    let cancel = Cancel::default();
    cancel.cancel();
    let stopped = run(&cancel, &mut Vec::new());
    assert_eq!(stopped, Err(AlignmentError::Gpu(GpuError::Cancelled)));
}
