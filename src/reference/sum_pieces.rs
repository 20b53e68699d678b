//! Twin of `shaders/sum_pieces.wgsl`.

use super::Epilogue;

/// `activation(scale sum_p pieces[p] + bias) + residual`; `pieces [count m, n]`, result `[m, n]`; gated,
/// `[m, n / 2]`.
pub fn sum_pieces(
    pieces: &[f32],
    m: usize,
    n: usize,
    scale: f32,
    epilogue: &Epilogue<'_>,
) -> Vec<f32> {
    let sum = |index: usize| -> f64 {
        let pieces = pieces.chunks_exact(m * n);
        let sum: f64 = pieces.map(|piece| f64::from(piece[index])).sum();
        f64::from(scale) * sum
    };
    (0..m)
        .flat_map(|i| {
            let sums: Vec<f64> = (i * n..(i + 1) * n).map(sum).collect();
            epilogue.finish(i, &sums)
        })
        .collect()
}
