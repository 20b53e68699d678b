//! Quantities by the position of an image, against f64.

use mirscope::{
    alignment::{Observation, Setup, StateId, by_position},
    gpu::{KernelVariant, Recording},
    platform::Cancel,
};

use super::run::device;

const LAYERS: usize = 2;
const WIDTH: usize = 19;

/// Vision tokens of each image of each pair, and its text tokens; one has more images than are told apart.
const PAIRS: [(&[usize], usize); 4] = [(&[3, 5], 4), (&[2], 7), (&[4, 1, 6], 3), (&[1; 9], 5)];

fn row(layer: usize, pair: usize, token: usize) -> Vec<f32> {
    let value = |col: usize| {
        let seed = ((layer * 31 + pair) * 57 + token) * 101 + col;
        ((seed as f64 * 12.9898).sin() * 43_758.545_3).fract() * (1 + token % 4) as f64 + 0.2
    };
    (0..WIDTH).map(|col| value(col) as f32).collect()
}

/// Mean norm and mean direction.
fn mean(rows: &[Vec<f32>]) -> (f64, Vec<f64>) {
    let norm = |row: &[f32]| {
        row.iter()
            .map(|&x| f64::from(x).powi(2))
            .sum::<f64>()
            .sqrt()
    };
    let n = rows.len() as f64;
    let mut direction = vec![0.0; WIDTH];
    for row in rows {
        let length = norm(row);
        for (sum, &x) in direction.iter_mut().zip(row) {
            *sum += f64::from(x) / length / n;
        }
    }
    (rows.iter().map(|row| norm(row)).sum::<f64>() / n, direction)
}

#[test]
fn each_position_is_compared_with_the_texts_of_the_prompts_that_show_it() {
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        let setup = Setup {
            gpu: &gpu,
            layers: LAYERS,
            hidden_size: WIDTH,
            pairs: PAIRS.len(),
            vision: 0,
            vocabulary: None,
            intervals: false,
        };
        let images = PAIRS.iter().map(|(images, _)| images.to_vec()).collect();
        let mut metric = by_position(&setup, images);
        for (pair, (images, text)) in PAIRS.iter().enumerate() {
            let vision: usize = images.iter().sum();
            let states: Vec<_> = (0..LAYERS)
                .map(|layer| {
                    let rows: Vec<f32> = (0..vision + text)
                        .flat_map(|token| row(layer, pair, token))
                        .collect();
                    let state = gpu.upload(vision + text, WIDTH, &rows).unwrap();
                    (StateId::Layer(layer + 1), state)
                })
                .collect();
            let mut recording = Recording::new();
            let observation = Observation {
                states: &states,
                vision: &(0..vision as u32).collect::<Vec<_>>(),
                text: &(vision as u32..(vision + text) as u32).collect::<Vec<_>>(),
                ..Observation::default()
            };
            metric.push(&mut recording, &observation).unwrap();
            pollster::block_on(gpu.run(&recording)).unwrap();
        }
        let found = pollster::block_on(metric.finish(Cancel::default())).unwrap();
        assert_eq!(found.len(), 2 * 8, "the ninth image is not told apart");
        for (position, entries) in found.chunks(2).enumerate() {
            assert!(entries[0].id.ends_with(&format!("image-{}", position + 1)));
            for layer in 0..LAYERS {
                let (mut vision, mut text) = (Vec::new(), Vec::new());
                for (pair, (images, texts)) in PAIRS.iter().enumerate() {
                    let Some(own) = images.get(position) else {
                        continue;
                    };
                    let first: usize = images[..position].iter().sum();
                    let all: usize = images.iter().sum();
                    vision.extend((first..first + own).map(|token| row(layer, pair, token)));
                    text.extend((all..all + texts).map(|token| row(layer, pair, token)));
                }
                let ((norm_v, mean_v), (norm_t, mean_t)) = (mean(&vision), mean(&text));
                let squares = mean_v.iter().zip(&mean_t).map(|(v, t)| (v - t).powi(2));
                let expected = [norm_v / norm_t, squares.sum::<f64>().sqrt()];
                for (entry, expected) in entries.iter().zip(expected) {
                    let value = entry.per_state[layer].value.unwrap();
                    let error = (value / expected - 1.0).abs();
                    assert!(error < 1e-5, "{} {layer}: {value} {expected}", entry.id);
                    let basis = format!("{} vision and {} text tokens", vision.len(), text.len());
                    assert_eq!(entry.basis, basis);
                }
            }
        }
    }
}
