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
}

/// `activation(a b^T + bias) + residual`; `a [m, k]`, `b [n, k]`, result `[m, n]`.
pub fn matmul(a: &[f32], b: &[f32], k: usize, epilogue: &Epilogue<'_>) -> Vec<f32> {
    let n = b.len() / k;
    let mut out = Vec::with_capacity(a.len() / k * n);
    for (i, row) in a.chunks_exact(k).enumerate() {
        for (j, column) in b.chunks_exact(k).enumerate() {
            let product: f64 = row
                .iter()
                .zip(column)
                .map(|(&x, &y)| f64::from(x) * f64::from(y))
                .sum();
            let biased = product + epilogue.bias.map_or(0.0, |bias| f64::from(bias[j]));
            let residual = epilogue
                .residual
                .map_or(0.0, |residual| f64::from(residual[i * n + j]));
            out.push((activate(epilogue.activation, biased) + residual) as f32);
        }
    }
    out
}
