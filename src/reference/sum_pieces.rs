//! Twin of `shaders/sum_pieces.wgsl`.

use super::{Epilogue, activate};

/// `activation(scale sum_p pieces[p] + bias) + residual`; `pieces [count m, n]`, result `[m, n]`.
pub fn sum_pieces(
    pieces: &[f32],
    m: usize,
    n: usize,
    scale: f32,
    epilogue: &Epilogue<'_>,
) -> Vec<f32> {
    (0..m * n)
        .map(|index| {
            let sum: f64 = pieces
                .chunks_exact(m * n)
                .map(|piece| f64::from(piece[index]))
                .sum();
            let bias = epilogue.bias.map_or(0.0, |bias| f64::from(bias[index % n]));
            let residual = epilogue
                .residual
                .map_or(0.0, |residual| f64::from(residual[index]));
            let value = activate(epilogue.activation, f64::from(scale) * sum + bias);
            (value + residual) as f32
        })
        .collect()
}
