//! Resizing of values as PyTorch's `interpolate(mode="bilinear", antialias=True)` has it, in f32.
//!
//! Rows first, then columns, each a weighted sum from the first value on. PyTorch's own sums are taken in
//! orders that depend on the processor, so the last bits may differ: for values up to 1 by no more
//! than 2^-22.

use std::ops::Range;

/// The values that one of the result is made of, with their weights.
struct Window {
    values: Range<usize>,
    weights: Vec<f32>,
}

/// A triangle as wide as the values that one of the result stands for, two at least.
fn windows(from: usize, to: usize) -> Vec<Window> {
    let scale = from as f32 / to as f32;
    let support = scale.max(1.0);
    let narrowing = 1.0 / support;
    let window = |at: usize| {
        let center = scale * (at as f32 + 0.5);
        let first = ((center - support + 0.5) as usize).min(from - 1);
        let end = ((center + support + 0.5) as usize).clamp(first + 1, from);
        let weight = |value: usize| {
            let distance = (value - first) as f32 + (first as f32 - center) + 0.5;
            (1.0 - (distance * narrowing).abs()).max(0.0)
        };
        let weights: Vec<f32> = (first..end).map(weight).collect();
        let sum = weights.iter().fold(0.0, |sum, weight| sum + weight);
        Window {
            values: first..end,
            weights: weights.iter().map(|weight| weight / sum).collect(),
        }
    };
    (0..to).map(window).collect()
}

/// `values` of `size` rows and columns in `to` rows and columns; all four at least 1.
pub(super) fn interpolate(values: &[f32], size: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let mut lines = Vec::with_capacity(size[0] * to[1]);
    let across = windows(size[1], to[1]);
    for row in values.chunks_exact(size[1]) {
        lines.extend(across.iter().map(|window| {
            let values = &row[window.values.clone()];
            let parts = values.iter().zip(&window.weights);
            parts.fold(0.0, |sum, (value, weight)| sum + value * weight)
        }));
    }
    let mut result = Vec::with_capacity(to[0] * to[1]);
    for window in windows(size[0], to[0]) {
        let mut sums = vec![0.0; to[1]];
        for (row, weight) in window.values.clone().zip(&window.weights) {
            let line = &lines[row * to[1]..][..to[1]];
            for (sum, value) in sums.iter_mut().zip(line) {
                *sum += value * weight;
            }
        }
        result.extend(sums);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_weighs_what_lies_under_the_triangle() {
        // torch.nn.functional.interpolate(torch.arange(8.)[None, None, None] ** 2, size=(1, 3),
        // mode="bilinear", antialias=True)
        let squares: Vec<f32> = (0..8u8).map(|x| f32::from(x * x)).collect();
        let found = interpolate(&squares, [1, 8], [1, 3]);
        let expected = [2.0526, 13.4524, 35.5789];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} for {expected}");
        }
        let column = interpolate(&squares, [8, 1], [3, 1]);
        assert_eq!(column, found);
    }

    #[test]
    fn one_value_fills_everything() {
        assert_eq!(interpolate(&[0.25], [1, 1], [2, 3]), [0.25; 6]);
    }
}
