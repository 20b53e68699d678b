//! Which numbers of the variants rise and fall together.

use serde::{Deserialize, Serialize};

use super::{
    Kendall, Metric, RankCorrelation, StudyAxis, StudyResults, Variant, kendall_correlation,
    rank_correlation,
};

/// The settings that a correlation is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Over {
    /// All of them.
    All,
    /// Those of [`StudyResults::comparable`].
    Comparable,
    /// Those of the axis of this name.
    Axis(String),
}

impl Over {
    /// The settings of an axis, or all of them without one.
    pub fn axis(axis: Option<&StudyAxis>) -> Self {
        axis.map_or(Self::All, |axis| Self::Axis(axis.name.clone()))
    }
}

/// A rank correlation of two metrics over some variants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correlation {
    /// Over which settings.
    pub over: Over,
    /// Name of the one metric.
    pub x: String,
    /// Name of the other metric.
    pub y: String,
    /// Spearman's, over one run a setting, of those that have both numbers.
    pub rank: RankCorrelation,
    /// Kendall's over the same; absent in results of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kendall: Option<Kendall>,
}

/// The rank correlation of two metrics over those of the variants that have both.
pub(super) fn rank_over(
    results: &StudyResults,
    variants: &[&Variant],
    x: &Metric,
    y: &Metric,
) -> RankCorrelation {
    let (xs, ys) = both(results, variants, x, y);
    rank_correlation(&xs, &ys)
}

/// The values of two metrics of those of the variants that have both.
fn both(
    results: &StudyResults,
    variants: &[&Variant],
    x: &Metric,
    y: &Metric,
) -> (Vec<f64>, Vec<f64>) {
    let values = variants
        .iter()
        .filter_map(|variant| Some((x.value(results, variant)?, y.value(results, variant)?)));
    values.unzip()
}

/// MIR in its three forms with the score, and MIR with losses: over all settings, over those that can be
/// compared, and along each axis. Every quantity that was measured with the score: over all settings and over those
/// that can be compared.
pub fn correlations(results: &StudyResults) -> Vec<Correlation> {
    let study = &results.study;
    let pairs = [
        (Metric::Mir, Metric::Choice),
        (Metric::MirOfficial, Metric::Choice),
        (Metric::NormMatchedMir, Metric::Choice),
        (Metric::Mir, Metric::CaptionLoss),
        (Metric::Mir, Metric::TextPerplexity),
    ];
    let quantities = results.quantities().into_iter();
    let quantities: Vec<(Metric, Metric)> = quantities
        .map(|it| (Metric::Quantity(it.id.clone()), Metric::Choice))
        .collect();
    let correlated = |over: Over, variants: &[&Variant], pairs: &[(Metric, Metric)]| {
        let pairs = pairs.iter().map(|(x, y)| {
            let (xs, ys) = both(results, variants, x, y);
            Correlation {
                over: over.clone(),
                x: x.name(),
                y: y.name(),
                rank: rank_correlation(&xs, &ys),
                kendall: Some(kendall_correlation(&xs, &ys)),
            }
        });
        pairs.collect::<Vec<_>>()
    };
    let all: Vec<&Variant> = study.first_seeds().collect();
    let everywhere = [pairs.to_vec(), quantities].concat();
    let mut found = correlated(Over::All, &all, &everywhere);
    found.extend(correlated(
        Over::Comparable,
        &results.comparable(),
        &everywhere,
    ));
    for axis in &study.axes {
        let variants: Vec<&Variant> = study.settings(axis).collect();
        found.extend(correlated(Over::Axis(axis.name.clone()), &variants, &pairs));
    }
    found
}
