//! Modality calibration against the definition in f64.

use mirscope::{
    alignment::{LayerDistance, Mir},
    gpu::{Gpu, KernelVariant, Recording},
    platform::Cancel,
};

use super::{
    clouds::{Cloud, normal},
    oracle,
    run::{PLAIN, device},
};
use crate::support::Random;

/// Mean and unbiased deviation of each dimension.
fn moments(cloud: &Cloud) -> Vec<(f64, f64)> {
    let count = cloud.tokens() as f64;
    let mean = oracle::mean(cloud).into_iter().enumerate();
    mean.map(|(j, mean)| {
        let column = cloud.rows().map(|row| (f64::from(row[j]) - mean).powi(2));
        (mean, (column.sum::<f64>() / (count - 1.0)).sqrt())
    })
    .collect()
}

/// The vision tokens after calibration.
fn calibrated(vision: &Cloud, text: &Cloud) -> Cloud {
    let (v, t) = (moments(vision), moments(text));
    vision.map(|j, x| {
        let u = if v[j].1 > 0.0 { t[j].1 / v[j].1 } else { 1.0 };
        (u * (f64::from(x) - v[j].0) + t[j].0) as f32
    })
}

fn measure(gpu: &Gpu, layers: &[(Cloud, Cloud)]) -> Vec<LayerDistance> {
    let (vision, text) = &layers[0];
    let (n_v, n_t, width) = (vision.tokens(), text.tokens(), vision.width);
    pollster::block_on(async {
        let mut mir = Mir::new(gpu, PLAIN, layers.len(), width, n_v, n_t, None).unwrap();
        let mut recording = Recording::new();
        let states: Vec<_> = (layers.iter())
            .map(|(vision, text)| {
                let rows = [&vision.values[..], &text.values[..]].concat();
                gpu.upload(n_v + n_t, width, &rows).unwrap()
            })
            .collect();
        let row = |row: usize| row as u32;
        let of_vision: Vec<u32> = (0..n_v).map(row).collect();
        let of_text: Vec<u32> = (n_v..n_v + n_t).map(row).collect();
        mir.push(&mut recording, &states, &of_vision, &of_text)
            .unwrap();
        gpu.run(&recording).await.unwrap();
        mir.calibrate(&Cancel::default()).await.unwrap();
        mir.finish(&Cancel::default(), &mut |_, _| {})
            .await
            .unwrap()
            .layers
    })
}

#[test]
fn calibrated_clouds_have_the_distance_of_the_definition() {
    let mut random = Random::new(81);
    let r = &mut random;
    let mut layers = vec![
        (
            normal(r, 300, 24, 100.0, 3.0),
            normal(r, 200, 24, 10.0, 1.0),
        ),
        (normal(r, 300, 24, 1e6, 50.0), normal(r, 200, 24, 1e6, 1.0)),
    ];
    // All vision tokens agree in one dimension, all text tokens in another.
    let (vision, text) = (normal(r, 300, 24, 10.0, 1.0), normal(r, 200, 24, 10.0, 1.0));
    let flat = |dimension: usize| move |j: usize, x: f32| if j == dimension { 0.75 } else { x };
    layers.push((vision.map(flat(5)), text.map(flat(9))));
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let found = measure(&device(kernels), &layers);
        for (index, (found, (vision, text))) in found.iter().zip(&layers).enumerate() {
            let mapped = calibrated(vision, text);
            let expected = oracle::parts(&mapped, text);
            let scale = oracle::mean_norm(text).powi(2);
            let error = (found.frechet * scale / expected.frechet() - 1.0).abs();
            println!(
                "{kernels:?}, layer {index}: {error:.1e} off, location {:.1e}",
                found.location
            );
            assert!(error < 1e-4, "{kernels:?}, layer {index}: {error:.1e}");
            assert!(
                found.location < 1e-10 * found.frechet,
                "{:.1e}",
                found.location
            );
        }
    }
}
