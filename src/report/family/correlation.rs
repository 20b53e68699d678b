//! Which numbers of the variants rise and fall together.

use serde::{Deserialize, Serialize};

use super::{FamilyResults, Metric, RankCorrelation, Variant, rank_correlation};

/// A rank correlation of two metrics over some variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Name of the axis; absent over all settings.
    pub axis: Option<String>,
    /// Name of the one metric.
    pub x: String,
    /// Name of the other metric.
    pub y: String,
    /// Over one run a setting, of those that have both numbers.
    pub rank: RankCorrelation,
}

/// MIR in its three forms with the score, and MIR with losses, over all settings and along each axis.
pub fn correlations(results: &FamilyResults) -> Vec<Correlation> {
    let family = &results.family;
    let pairs = [
        (Metric::Mir, Metric::Choice),
        (Metric::MirOfficial, Metric::Choice),
        (Metric::NormMatchedMir, Metric::Choice),
        (Metric::Mir, Metric::CaptionLoss),
        (Metric::Mir, Metric::TextPerplexity),
    ];
    let over = |axis: Option<&str>, variants: &[&Variant]| -> Vec<Correlation> {
        let pairs = pairs.iter().map(|(x, y)| {
            let values = variants.iter().filter_map(|variant| {
                Some((x.value(results, variant)?, y.value(results, variant)?))
            });
            let (xs, ys): (Vec<f64>, Vec<f64>) = values.unzip();
            Correlation {
                axis: axis.map(str::to_owned),
                x: x.name(),
                y: y.name(),
                rank: rank_correlation(&xs, &ys),
            }
        });
        pairs.collect()
    };
    let all: Vec<&Variant> = family.first_seeds().collect();
    let mut found = over(None, &all);
    for axis in &family.axes {
        let variants: Vec<&Variant> = family.settings(axis).collect();
        found.extend(over(Some(&axis.name), &variants));
    }
    found
}
