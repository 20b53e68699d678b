//! Twin of `shaders/sample_token.wgsl`.

use crate::kernels::sample_token::Sampling;

/// The token that [`Sampling`] chooses among `logits`, and the logarithm of its probability without
/// temperature and limits. Logits that are not finite are never chosen; 0 where there is no other.
pub fn sample_token(logits: &[f32], with: &Sampling) -> (u32, f64) {
    let finite = (0..logits.len()).filter(|&i| logits[i].is_finite());
    let mut order: Vec<usize> = finite.collect();
    // Stable: of equal logits the first comes first.
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
    let Some(&first) = order.first() else {
        return (0, f64::NEG_INFINITY);
    };
    let greatest = f64::from(logits[first]);
    let above = |i: usize| f64::from(logits[i]) - greatest;
    let all: f64 = order.iter().map(|&i| above(i).exp()).sum();
    let mut token = first;
    if with.temperature > 0.0 {
        let share = |i: usize| (above(i) / f64::from(with.temperature)).exp();
        // Those that are no smaller than the last that stays.
        let until = |order: &mut Vec<usize>, least: f32| order.retain(|&i| logits[i] >= least);
        if with.top_k > 0 && with.top_k < order.len() {
            let least = logits[order[with.top_k - 1]];
            until(&mut order, least);
        }
        if with.top_p < 1.0 {
            let mut left = f64::from(with.top_p) * order.iter().map(|&i| share(i)).sum::<f64>();
            let last = order.iter().find(|&&i| {
                left -= share(i);
                left <= 0.0
            });
            let least = last.map_or(f32::MIN, |&i| logits[i]);
            until(&mut order, least);
        }
        order.sort_unstable();
        let mut left = f64::from(with.draw) * order.iter().map(|&i| share(i)).sum::<f64>();
        let drawn = order.iter().find(|&&i| {
            left -= share(i);
            left < 0.0
        });
        token = drawn.or(order.last()).copied().unwrap_or(first);
    }
    (token as u32, above(token) - all.ln())
}
