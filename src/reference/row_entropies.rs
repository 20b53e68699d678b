//! Twin of `shaders/row_entropies.wgsl`.

/// The entropy of the softmax of each row of `logits [n, width]`, in nats; logits that are not finite never count.
pub fn row_entropies(logits: &[f32], width: usize) -> Vec<f32> {
    (logits.chunks_exact(width))
        .map(|row| {
            let finite = || row.iter().filter(|x| x.is_finite()).map(|&x| f64::from(x));
            let highest = finite().fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = finite().map(|x| (x - highest).exp()).sum();
            let shares = finite().map(|x| (x - highest).exp() / total);
            let terms = shares.filter(|&p| p > 0.0).map(|p| -p * p.ln());
            terms.sum::<f64>() as f32
        })
        .collect()
}
