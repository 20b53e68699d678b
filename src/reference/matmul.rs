//! Twin of `shaders/matmul.wgsl`.

use crate::kernels::Activation;

use super::activate;

/// What surrounds the product.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// Added to each row: `[n]`.
    pub bias: Option<&'a [f32]>,
    /// Applied after the bias.
    pub activation: Activation,
    /// Added last: `[m, n]`.
    pub residual: Option<&'a [f32]>,
    /// Whether the second half of the columns is what the first half, activated, multiplies: the result has
    /// half as many, and so has the residual.
    pub gated: bool,
}

impl Epilogue<'_> {
    /// What becomes of a row `i` of products of `n` columns in all.
    pub(super) fn finish(&self, i: usize, products: &[f64]) -> Vec<f32> {
        let n = products.len();
        let biased = |j: usize| products[j] + self.bias.map_or(0.0, |bias| f64::from(bias[j]));
        let columns = if self.gated { n / 2 } else { n };
        let finished = (0..columns).map(|j| {
            let value = activate(self.activation, biased(j));
            let gated = if self.gated {
                value * biased(columns + j)
            } else {
                value
            };
            let residual = self.residual;
            let residual = residual.map_or(0.0, |residual| f64::from(residual[i * columns + j]));
            (gated + residual) as f32
        });
        finished.collect()
    }
}

/// `activation(a b^T + bias) + residual`; `a [m, k]`, `b [n, k]`, result `[m, n]`; gated, `[m, n / 2]`.
pub fn matmul(a: &[f32], b: &[f32], k: usize, epilogue: &Epilogue<'_>) -> Vec<f32> {
    let product = |row: &[f32], column: &[f32]| -> f64 {
        let pairs = row.iter().zip(column);
        pairs.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum()
    };
    let rows = a.chunks_exact(k).enumerate();
    let finished = rows.flat_map(|(i, row)| {
        let products: Vec<f64> = b
            .chunks_exact(k)
            .map(|column| product(row, column))
            .collect();
        epilogue.finish(i, &products)
    });
    finished.collect()
}
