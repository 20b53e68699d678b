//! Twin of `shaders/top_tokens.wgsl`.

use std::cmp::Ordering;

/// The `count` largest logits of each row, their columns as f32 (-1 where there is none), and the
/// row's `log sum exp`, `[rows, 2 * count + 1]`; `logits [rows, vocab]`. Logits that are not finite
/// do not count; a row without any gives `f32::MIN` for logits and sum.
pub fn top_tokens(logits: &[f32], vocab: usize, count: usize) -> Vec<f32> {
    let mut out = Vec::new();
    for row in logits.chunks_exact(vocab) {
        let mut order: Vec<usize> = (0..vocab).filter(|&i| row[i].is_finite()).collect();
        // Stable: of equal logits, zeros of either sign among them, the lower column stays first.
        order.sort_by(|&a, &b| row[b].partial_cmp(&row[a]).unwrap_or(Ordering::Equal));
        let place = |i: usize| order.get(i).copied();
        out.extend((0..count).map(|i| place(i).map_or(f32::MIN, |column| row[column])));
        out.extend((0..count).map(|i| place(i).map_or(-1.0, |column| column as f32)));
        out.push(match order.first() {
            None => f32::MIN,
            Some(&first) => {
                let highest = f64::from(row[first]);
                let sum: f64 = (order.iter())
                    .map(|&i| (f64::from(row[i]) - highest).exp())
                    .sum();
                (highest + sum.ln()) as f32
            }
        });
    }
    out
}
