//! Clouds of tokens to measure.

use crate::support::Random;

/// Rows of equal width.
#[derive(Clone, Debug)]
pub struct Cloud {
    pub width: usize,
    pub values: Vec<f32>,
}

impl Cloud {
    pub fn tokens(&self) -> usize {
        self.values.len() / self.width
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width)
    }

    /// Every value times `factor`.
    pub fn scaled(&self, factor: f32) -> Self {
        self.map(|_, value| value * factor)
    }

    /// Every value after `change`, which hears the dimension.
    pub fn map(&self, change: impl Fn(usize, f32) -> f32) -> Self {
        let width = self.width;
        let values = self.values.iter().enumerate();
        Self {
            width,
            values: values.map(|(i, &value)| change(i % width, value)).collect(),
        }
    }

    /// Every row times an orthogonal matrix.
    pub fn rotated(&self, rotation: &[Vec<f64>]) -> Self {
        let turn = |row: &[f32]| -> Vec<f32> {
            let dot = |axis: &Vec<f64>| -> f64 {
                row.iter().zip(axis).map(|(&x, y)| f64::from(x) * y).sum()
            };
            rotation.iter().map(|axis| dot(axis) as f32).collect()
        };
        Self {
            width: self.width,
            values: self.rows().flat_map(turn).collect(),
        }
    }
}

/// A random orthogonal matrix: Gram-Schmidt, twice.
pub fn rotation(random: &mut Random, width: usize) -> Vec<Vec<f64>> {
    let mut axes: Vec<Vec<f64>> = Vec::new();
    while axes.len() < width {
        let mut axis: Vec<f64> = (0..width).map(|_| random.normal()).collect();
        for _ in 0..2 {
            for other in &axes {
                let dot: f64 = axis.iter().zip(other).map(|(a, b)| a * b).sum();
                axis.iter_mut().zip(other).for_each(|(a, b)| *a -= dot * b);
            }
        }
        let norm = axis.iter().map(|a| a * a).sum::<f64>().sqrt();
        axis.iter_mut().for_each(|a| *a /= norm);
        axes.push(axis);
    }
    axes
}

/// `tokens` normal rows whose covariance has eigenvalues from 1 down to `1 / condition`, in random
/// directions, around a random mean of length about `offset`.
pub fn normal(
    random: &mut Random,
    tokens: usize,
    width: usize,
    condition: f64,
    offset: f64,
) -> Cloud {
    let axes = rotation(random, width);
    let deviations: Vec<f64> = (0..width)
        .map(|i| condition.powf(-0.5 * i as f64 / (width - 1) as f64))
        .collect();
    let mean: Vec<f64> = (0..width)
        .map(|_| offset * random.normal() / (width as f64).sqrt())
        .collect();
    let mut values = Vec::with_capacity(tokens * width);
    for _ in 0..tokens {
        let mut row = mean.clone();
        for (axis, deviation) in axes.iter().zip(&deviations) {
            let along = deviation * random.normal();
            row.iter_mut().zip(axis).for_each(|(x, a)| *x += along * a);
        }
        values.extend(row.iter().map(|&x| x as f32));
    }
    Cloud { width, values }
}
