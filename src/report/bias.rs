//! The rate against the number of pairs, and what it tends to.
//!
//! Estimates of a Fréchet distance are biased upward, by about c / n for n tokens: a covariance of few tokens looks
//! narrower in some directions than it is (Chong and Forsyth, arXiv 1911.07023, for images). So the distance at
//! infinitely many pairs is told from those of all pairs and of halves of them.

use serde::{Deserialize, Serialize};

use super::{Definition, LayerReport, MetricReport, StateValue, number::shortened};

/// Id of the entry that [`bias_corrected`] makes.
pub const BIAS_CORRECTED: &str = "mir-bias-corrected";

/// The rate of samples of a run's pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairsPoint {
    /// Pairs of each sample.
    pub pairs: usize,
    /// The rate of each; absent where it is undefined.
    pub mir: Vec<Option<f64>>,
}

/// The value at infinitely many pairs of what is `whole` of `pairs` of them and `part`, on average, of `fewer`, if it moves
/// with one over the number.
pub fn extrapolated([pairs, fewer]: [usize; 2], whole: f64, part: f64) -> f64 {
    let [near, far] = [pairs, fewer].map(|pairs| 1.0 / pairs.max(1) as f64);
    whole - (part - whole) * near / (far - near)
}

/// The rate and the distances extrapolated to infinitely many pairs: `layers` are those of all pairs, `halves[k]` the
/// mean distance of layer k over samples of `fewer` pairs.
pub fn bias_corrected(
    definition: Definition,
    layers: &[LayerReport],
    halves: &[f64],
    [pairs, fewer]: [usize; 2],
) -> MetricReport {
    let values: Vec<f64> = (layers.iter().zip(halves))
        .map(|(layer, half)| extrapolated([pairs, fewer], layer.frechet, *half))
        .collect();
    let sum: f64 = values.iter().sum();
    MetricReport {
        id: BIAS_CORRECTED.to_owned(),
        label: "MIR, bias-corrected".to_owned(),
        about: format!(
            "The rate ({definition}) extrapolated to infinitely many pairs, from all pairs and from halves of them, as \
             if it moved with one over their number. It corrects the upward bias of few tokens, not the choice of \
             pairs; it varies more than the raw value, which stays the one to publish beside n."
        ),
        value: (sum > 0.0).then(|| shortened(sum.log10())),
        interval: None,
        by_pair: Vec::new(),
        per_state: (layers.iter().zip(values))
            .map(|(layer, value)| StateValue {
                state: layer.state.clone(),
                value: Some(shortened(value)),
                interval: None,
            })
            .collect(),
        basis: format!("{pairs} pairs and samples of {fewer}"),
    }
}
