//! Twin of `shaders/residual_norm.wgsl`.

use super::rms_norm;

/// `residual + sum_p pieces[p] + bias`, what is added normed before by `behind` where there is one, and the norm of
/// the result by `next`; norms are factors and what is added to the mean square. `residual [rows, cols]`.
pub fn residual_norm(
    pieces: &[f32],
    bias: Option<&[f32]>,
    behind: Option<(&[f32], f32)>,
    residual: &[f32],
    next: (&[f32], f32),
) -> [Vec<f32>; 2] {
    let cols = next.0.len();
    let sum = |index: usize| {
        let pieces = pieces.chunks_exact(residual.len());
        let sum: f64 = pieces.map(|piece| f64::from(piece[index])).sum();
        sum + bias.map_or(0.0, |bias| f64::from(bias[index % cols]))
    };
    let sums: Vec<f64> = (0..residual.len()).map(sum).collect();
    let y: Vec<f64> = match behind {
        None => sums,
        Some((weight, eps)) => {
            let rows = sums.chunks_exact(cols);
            let normed = rows.flat_map(|row| {
                let mean = row.iter().map(|value| value * value).sum::<f64>() / cols as f64;
                let scale = 1.0 / (mean + f64::from(eps)).sqrt();
                let values = row.iter().zip(weight);
                values.map(move |(value, factor)| value * scale * f64::from(*factor))
            });
            normed.collect()
        }
    };
    let x = y.iter().zip(residual);
    let x: Vec<f32> = x.map(|(y, x)| (y + f64::from(*x)) as f32).collect();
    let normed = rms_norm(&x, next.0, next.1);
    [x, normed]
}
