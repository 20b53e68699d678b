//! Principal axes and coordinates against an SVD of the centered tokens in f64.

use faer::Mat;
use mirscope::{
    alignment::{AlignmentError, Modality, PlanePoints, Projector},
    gpu::{Gpu, GpuError, KernelVariant, Tensor},
    platform::Cancel,
};

use super::{
    clouds::{Cloud, normal},
    oracle,
    run::device,
};
use crate::support::Random;

/// Tokens of a state, with the modalities in turn: vision at even rows as long as there is any.
struct State {
    vision: Cloud,
    text: Cloud,
}

impl State {
    fn rows(&self) -> [Vec<u32>; 2] {
        let (n_v, n_t) = (self.vision.tokens(), self.text.tokens());
        let both = n_v.min(n_t);
        let at = |index: usize, side: usize| match index < both {
            true => 2 * index + side,
            false => both + index,
        };
        [(n_v, 0), (n_t, 1)].map(|(count, side)| (0..count).map(|i| at(i, side) as u32).collect())
    }

    fn upload(&self, gpu: &Gpu) -> Tensor {
        let width = self.vision.width;
        let mut values = vec![0.0; self.vision.values.len() + self.text.values.len()];
        for (cloud, rows) in [&self.vision, &self.text].into_iter().zip(self.rows()) {
            for (values_of, row) in cloud.rows().zip(rows) {
                values[row as usize * width..][..width].copy_from_slice(values_of);
            }
        }
        gpu.upload(values.len() / width, width, &values).unwrap()
    }

    /// All tokens, vision first, scaled so that the text's mean norm is 1, about their mean.
    fn centered(&self) -> Mat<f64> {
        let alpha = 1.0 / oracle::mean_norm(&self.text);
        let width = self.vision.width;
        let all = Cloud {
            width,
            values: [&self.vision.values[..], &self.text.values[..]].concat(),
        };
        let mean = oracle::mean(&all);
        Mat::from_fn(all.tokens(), width, |i, j| {
            alpha * (f64::from(all.values[i * width + j]) - mean[j])
        })
    }
}

/// The leading two axes, pointing to where the vision mean is larger, and all variances.
fn axes(states: &[State]) -> (Mat<f64>, Vec<f64>) {
    let width = states[0].vision.width;
    let rows: usize = states.iter().map(|state| state.centered().nrows()).sum();
    let mut all = Mat::zeros(rows, width);
    let mut toward = vec![0.0; width];
    let mut next = 0;
    for state in states {
        let centered = state.centered();
        let (count, n_v) = (centered.nrows(), state.vision.tokens());
        for i in 0..count {
            for j in 0..width {
                all[(next + i, j)] = centered[(i, j)] / ((count - 1) as f64).sqrt();
                let weight = if i < n_v {
                    1.0 / n_v as f64
                } else {
                    -1.0 / (count - n_v) as f64
                };
                toward[j] += weight * centered[(i, j)];
            }
        }
        next += count;
    }
    let svd = all.thin_svd().expect("the SVD converges");
    let variances = svd.S().column_vector().iter().map(|s| s * s).collect();
    let axes = Mat::from_fn(width, 2, |j, k| {
        let along: f64 = (0..width).map(|i| svd.V()[(i, k)] * toward[i]).sum();
        svd.V()[(j, k)] * along.signum()
    });
    (axes, variances)
}

/// The device's answer for state `shown` in the plane of `of`.
fn project(gpu: &Gpu, of: &[State], shown: &State) -> Result<PlanePoints, AlignmentError> {
    let [vision, text] = shown.rows();
    let projector = Projector {
        gpu,
        vision: &vision,
        text: &text,
        cancel: &Cancel::default(),
    };
    let states: Vec<Tensor> = of.iter().map(|state| state.upload(gpu)).collect();
    pollster::block_on(async {
        let plane = projector.plane(&states, 1).await?;
        projector.project(&shown.upload(gpu), 1, &plane).await
    })
}

/// Compares everything with the SVD and says how far off it is; `tolerance` is relative to the size of
/// the clouds.
#[track_caller]
fn check(gpu: &Gpu, name: &str, of: &[State], shown: &State, tolerance: f64) -> String {
    let found = project(gpu, of, shown).expect("the tokens have a plane");
    let (axes, _) = axes(of);
    let centered = shown.centered();
    let expected = &centered * &axes;
    let total = centered.squared_norm_l2();
    let size = (total / centered.nrows() as f64).sqrt();

    let all: Vec<[f32; 2]> = found.points.concat();
    let mut worst: f64 = 0.0;
    for (i, at) in all.iter().enumerate() {
        for axis in 0..2 {
            worst = worst.max((f64::from(at[axis]) - expected[(i, axis)]).abs() / size);
        }
    }
    let mut of_shares: f64 = 0.0;
    for axis in 0..2 {
        let squares: f64 = (0..all.len()).map(|i| expected[(i, axis)].powi(2)).sum();
        of_shares = of_shares.max((found.explained[axis] - squares / total).abs());
    }
    let n_v = shown.vision.tokens();
    let mut of_shapes: f64 = 0.0;
    for (shape, range) in found.shapes.iter().zip([0..n_v, n_v..all.len()]) {
        assert_eq!(shape.tokens, range.len());
        let count = range.len() as f64;
        let mean = [0, 1].map(|k| range.clone().map(|i| expected[(i, k)]).sum::<f64>() / count);
        let product = |a: usize, b: usize| {
            let parts = range
                .clone()
                .map(|i| (expected[(i, a)] - mean[a]) * (expected[(i, b)] - mean[b]));
            parts.sum::<f64>() / (count - 1.0)
        };
        for (found, expected) in shape.mean.iter().zip(mean) {
            of_shapes = of_shapes.max((found - expected).abs() / size);
        }
        let products = [product(0, 0), product(0, 1), product(1, 1)];
        for (found, expected) in shape.covariance.iter().zip(products) {
            of_shapes = of_shapes.max((found - expected).abs() / size.powi(2));
        }
    }
    let told = format!(
        "{:?}, {name}: coordinates {worst:.1e}, shares {of_shares:.1e}, shapes {of_shapes:.1e}",
        gpu.kernels()
    );
    let error = worst.max(of_shares).max(of_shapes);
    assert!(error < tolerance, "{told}");
    told
}

/// A state whose variances fall by `condition` over its dimensions.
fn state(random: &mut Random, n_v: usize, n_t: usize, width: usize, condition: f64) -> State {
    State {
        vision: normal(random, n_v, width, condition, 2.0),
        text: normal(random, n_t, width, condition, 1.0),
    }
}

/// Stretches some dimensions, so that the leading axes are well separated from the rest.
fn stretched(state: State, stretch: &[f32]) -> State {
    let change = |j: usize, x: f32| x * stretch.get(j).copied().unwrap_or(1.0);
    State {
        vision: state.vision.map(change),
        text: state.text.map(change),
    }
}

#[test]
fn planes_are_those_of_the_svd() {
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        let r = &mut Random::new(101);
        let cases = [
            (
                "n > d, well separated",
                stretched(state(r, 300, 200, 40, 10.0), &[9.0, 5.0]),
            ),
            ("n > d, little separated", state(r, 400, 300, 40, 30.0)),
            (
                "n < d",
                stretched(state(r, 20, 14, 70, 10.0), &[9.0, 1.0, 6.0]),
            ),
            (
                "more vision than text",
                stretched(state(r, 700, 30, 24, 10.0), &[1.0, 8.0, 4.0]),
            ),
            ("narrow", stretched(state(r, 60, 50, 3, 2.0), &[4.0, 2.0])),
        ];
        for (name, state) in cases {
            let tolerance = if name.contains("little") { 2e-3 } else { 2e-5 };
            println!(
                "{}",
                check(&gpu, name, std::slice::from_ref(&state), &state, tolerance)
            );
        }
        // One direction a thousand times larger than the others, as in trained models.
        let state = stretched(state(r, 300, 200, 40, 4.0), &[1.0, 1000.0, 1.0, 5.0]);
        println!(
            "{}",
            check(
                &gpu,
                "one dominant direction",
                std::slice::from_ref(&state),
                &state,
                1e-4,
            )
        );
    }
}

#[test]
fn four_tokens_span_a_plane() {
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        let state = state(&mut Random::new(102), 2, 2, 24, 10.0);
        println!(
            "{}",
            check(
                &gpu,
                "two tokens each",
                std::slice::from_ref(&state),
                &state,
                1e-4,
            )
        );
    }
}

#[test]
fn shared_planes_are_those_of_all_states_together() {
    for kernels in [KernelVariant::Direct, KernelVariant::Tiled] {
        let gpu = device(kernels);
        let r = &mut Random::new(103);
        // Of very different size: each counts by its own scale.
        let states = [
            (1.0f32, [8.0, 1.0, 5.0]),
            (100.0, [1.0, 9.0, 1.0]),
            (0.01, [7.0, 3.0, 1.0]),
        ]
        .map(|(factor, stretch)| {
            let State { vision, text } = stretched(state(r, 150, 90, 32, 10.0), &stretch);
            State {
                vision: vision.scaled(factor),
                text: text.scaled(factor),
            }
        });
        for (index, shown) in states.iter().enumerate() {
            println!(
                "{}",
                check(
                    &gpu,
                    &format!("shared, state {index}"),
                    &states,
                    shown,
                    1e-4,
                )
            );
        }
    }
}

#[test]
fn what_has_no_plane_is_refused() {
    let gpu = device(KernelVariant::Direct);
    let r = &mut Random::new(104);
    let mut broken = state(r, 5, 5, 8, 10.0);
    broken.vision.values[11] = f32::NAN;
    let error = project(&gpu, std::slice::from_ref(&broken), &broken).unwrap_err();
    let expected = AlignmentError::NotFinite {
        layer: 1,
        modality: Modality::Vision,
        tokens: 1,
    };
    assert_eq!(error, expected);
    let mut silent = state(r, 5, 5, 8, 10.0);
    silent.text = silent.text.scaled(0.0);
    let error = project(&gpu, std::slice::from_ref(&silent), &silent).unwrap_err();
    assert!(matches!(error, AlignmentError::ZeroNorms { .. }), "{error}");
    let single = state(r, 5, 1, 8, 10.0);
    let error = project(&gpu, std::slice::from_ref(&single), &single).unwrap_err();
    assert!(matches!(
        error,
        AlignmentError::TooFewTokens { count: 1, .. }
    ));
    let cancel = Cancel::default();
    cancel.cancel();
    let fine = state(r, 5, 5, 8, 10.0);
    let [vision, text] = fine.rows();
    let projector = Projector {
        gpu: &gpu,
        vision: &vision,
        text: &text,
        cancel: &cancel,
    };
    let error = pollster::block_on(projector.plane(&[fine.upload(&gpu)], 1)).unwrap_err();
    assert_eq!(error, AlignmentError::Gpu(GpuError::Cancelled));
}
