//! The numbers that a claim is judged by.

use serde::{Deserialize, Serialize};

use super::{Claim, Expectation, Metric, RankCorrelation, StudyResults, Variant, rank_correlation};

/// A claim's numbers, in the order in which they are judged.
pub(super) struct Evidence {
    pub(super) metric: Metric,
    pub(super) expectation: Expectation,
    pub(super) rank: RankCorrelation,
    pub(super) values: Vec<f64>,
    /// They are scores, and none is above chance.
    pub(super) at_chance: bool,
}

impl Evidence {
    /// The largest value less the smallest one.
    pub(super) fn range(&self) -> f64 {
        let values = self.values.iter().copied();
        values.clone().fold(f64::MIN, f64::max) - values.fold(f64::MAX, f64::min)
    }
}

/// What a claim's numbers are from another seed of the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OtherSeed {
    /// The seed.
    pub seed: u64,
    /// The metric at the first and at the last variant that was trained from it.
    pub ends: [f64; 2],
    /// The rank correlation along the variants that were trained from it, with their number.
    pub rank: RankCorrelation,
}

impl OtherSeed {
    /// In words: `seed 2: 0.659 to 0.812, rho = 1.00 (n = 2)`.
    pub fn words(&self, metric: &Metric) -> String {
        let [first, last] = self.ends.map(|value| metric.text(value));
        format!(
            "seed {}: {first} to {last}, {}",
            self.seed,
            self.rank.words()
        )
    }
}

/// The values of some of a claim's variants in order, or why there are none.
pub(super) fn evidence(
    results: &StudyResults,
    claim: &Claim,
    variants: &[&Variant],
) -> Result<Evidence, String> {
    let metric = |name: &str| {
        Metric::parse(name)
            .ok_or_else(|| format!("`{name}` is not among what this version measures"))
    };
    let about = metric(&claim.metric)?;
    let expectation = Expectation::parse(&claim.expect)
        .ok_or_else(|| format!("`{}` is no expectation", claim.expect))?;
    let values = |metric: &Metric| -> Result<Vec<f64>, String> {
        let value = |variant: &&Variant| {
            let missing = || format!("`{}` has no `{}`", variant.name, metric.name());
            metric.value(results, variant).ok_or_else(missing)
        };
        variants.iter().map(value).collect()
    };
    let found = values(&about)?;
    let order: Vec<f64> = match &expectation {
        Expectation::FallsWith(name) => values(&metric(name)?)?,
        _ => (0..found.len()).map(|index| index as f64).collect(),
    };
    let above = |variant: &&Variant| results.is_above_chance(&about, variant);
    Ok(Evidence {
        rank: rank_correlation(&order, &found),
        values: found,
        at_chance: variants.iter().all(|variant| above(variant) == Some(false)),
        metric: about,
        expectation,
    })
}

/// The same from every other seed that two or more of the claim's variants were trained from.
pub(super) fn other_seeds(
    results: &StudyResults,
    claim: &Claim,
    variants: &[&Variant],
) -> Vec<OtherSeed> {
    let mut found = Vec::new();
    for (seed, variants) in results.study.other_seeds(variants) {
        let Ok(evidence) = evidence(results, claim, &variants) else {
            continue;
        };
        if let (Some(first), Some(last)) = (evidence.values.first(), evidence.values.last()) {
            found.push(OtherSeed {
                seed,
                ends: [*first, *last],
                rank: evidence.rank,
            });
        }
    }
    found
}
