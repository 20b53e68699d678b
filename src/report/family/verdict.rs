//! Whether what a paper claims held here.

use serde::{Deserialize, Serialize};

use super::{Claim, FamilyResults, Metric, RankCorrelation, Variant, rank_correlation, seed_noise};

/// The rule of all verdicts, as the table and the app print it.
pub const VERDICT_RULE: &str = "The change is the claim's metric at the last of its variants less that at the first; where the \
     claim says that two metrics go together, the variants are put in the order of the second one. \
     Within noise: the change is smaller than 2 standard deviations of the difference of two runs that \
     differ by the seed of their training alone, pooled over all settings that were trained from \
     several seeds, or none of the variants is above chance in what they are scored by. Otherwise held here: the sign of Spearman's rank correlation along the variants \
     (of two variants: the sign of the change) is as claimed, and no variant lies on the wrong side of an \
     earlier one by more than the noise. Otherwise did not hold here. A claim that nothing changes held \
     where no two of its variants differ by more than the noise. Not measured: a number is missing, or no \
     seeds tell how large the noise is.";

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The change is beyond the noise, in the direction that was claimed.
    Held,
    /// The change is beyond the noise, and not in that direction.
    DidNotHold,
    /// The change may be due to seeds alone.
    WithinNoise,
    /// It cannot be judged.
    NotMeasured,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 4] = [
        Self::Held,
        Self::DidNotHold,
        Self::WithinNoise,
        Self::NotMeasured,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held here",
            Self::DidNotHold => "did not hold here",
            Self::WithinNoise => "within noise",
            Self::NotMeasured => "not measured",
        }
    }
}

/// What a claim expects of its metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// It rises along the variants.
    Increasing,
    /// It falls along the variants.
    Decreasing,
    /// It is the same for all variants.
    Same,
    /// It rises where the metric of this name rises.
    RisesWith(String),
    /// It falls where the metric of this name rises.
    FallsWith(String),
}

impl Expectation {
    /// The expectation in a claim's `expect`: `increasing`, `decreasing`, `same`,
    /// `rises_with:METRIC` or `falls_with:METRIC`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "increasing" => Some(Self::Increasing),
            None if text == "decreasing" => Some(Self::Decreasing),
            None if text == "same" => Some(Self::Same),
            Some(("rises_with", metric)) if !metric.is_empty() => {
                Some(Self::RisesWith(metric.to_owned()))
            }
            Some(("falls_with", metric)) if !metric.is_empty() => {
                Some(Self::FallsWith(metric.to_owned()))
            }
            _ => None,
        }
    }

    /// The sign of a change that is as claimed.
    fn sign(&self) -> f64 {
        match self {
            Self::Increasing | Self::RisesWith(_) => 1.0,
            Self::Decreasing | Self::FallsWith(_) => -1.0,
            Self::Same => 0.0,
        }
    }

    /// The metric that gives the order.
    fn other(&self) -> Option<&str> {
        match self {
            Self::Increasing | Self::Decreasing | Self::Same => None,
            Self::RisesWith(metric) | Self::FallsWith(metric) => Some(metric),
        }
    }
}

/// What became of a claim, and the numbers that say so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// Name of the claim.
    pub claim: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it is not measured, or what should be known beside the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The rank correlation along the variants, with their number.
    pub rank: RankCorrelation,
    /// The metric at the first and at the last variant.
    pub ends: Option<[f64; 2]>,
    /// The largest value less the smallest one.
    pub range: Option<f64>,
    /// Below this a change is noise.
    pub noise: Option<f64>,
}

impl Verdict {
    /// The last variant's value less the first one's.
    pub fn change(&self) -> Option<f64> {
        self.ends.map(|[first, last]| last - first)
    }
}

/// The verdict of each claim, by [`VERDICT_RULE`].
pub fn verdicts(results: &FamilyResults) -> Vec<Verdict> {
    let claims = results.family.claims.iter();
    claims.map(|claim| judge(results, claim)).collect()
}

/// A claim's numbers, in the order in which they are judged.
struct Evidence {
    rank: RankCorrelation,
    values: Vec<f64>,
    /// They are scores, and none is above chance.
    at_chance: bool,
}

fn judge(results: &FamilyResults, claim: &Claim) -> Verdict {
    let mut verdict = Verdict {
        claim: claim.id.clone(),
        outcome: Outcome::NotMeasured,
        note: None,
        rank: rank_correlation(&[], &[]),
        ends: None,
        range: None,
        noise: None,
    };
    let evidence = match evidence(results, claim) {
        Ok(evidence) => evidence,
        Err(reason) => {
            verdict.note = Some(reason);
            return verdict;
        }
    };
    let Evidence {
        rank,
        values,
        at_chance,
    } = evidence;
    verdict.rank = rank;
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return verdict;
    };
    let change = last - first;
    let range = values.iter().copied().fold(f64::MIN, f64::max)
        - values.iter().copied().fold(f64::MAX, f64::min);
    verdict.ends = Some([*first, *last]);
    verdict.range = Some(range);
    let metric = Metric::parse(&claim.metric);
    let noise = metric
        .as_ref()
        .and_then(|metric| seed_noise(results, metric));
    let (Some(metric), Some(noise)) = (metric, noise) else {
        verdict.note = Some(format!(
            "no setting has `{}` from two seeds, so that its noise is not known",
            claim.metric
        ));
        return verdict;
    };
    let threshold = noise.threshold();
    verdict.noise = Some(threshold);
    if at_chance {
        verdict.outcome = Outcome::WithinNoise;
        verdict.note = Some("none of them is above chance".to_owned());
        return verdict;
    }
    let sign = Expectation::parse(&claim.expect).map_or(0.0, |expect| expect.sign());
    if sign == 0.0 {
        verdict.outcome = match range < threshold {
            true => Outcome::Held,
            false => Outcome::DidNotHold,
        };
        return verdict;
    }
    let direction = if values.len() > 2 {
        rank.rho.unwrap_or(0.0)
    } else {
        change
    };
    verdict.outcome = if change.abs() < threshold {
        if range >= threshold {
            verdict.note = Some(format!(
                "between the ends it differs by up to {}, which is no trend",
                metric.difference(range).replace('+', "")
            ));
        }
        Outcome::WithinNoise
    } else if direction * sign > 0.0 {
        let back = setback(&values, sign);
        if back > threshold {
            verdict.note = Some(format!(
                "on the way it goes back by {}",
                metric.difference(back).replace('+', "")
            ));
            Outcome::DidNotHold
        } else {
            Outcome::Held
        }
    } else {
        Outcome::DidNotHold
    };
    verdict
}

/// The most by which a later value falls behind an earlier one, where they should move by `sign`.
fn setback(values: &[f64], sign: f64) -> f64 {
    let mut best = f64::NEG_INFINITY;
    let mut most = 0.0_f64;
    for value in values {
        best = best.max(sign * value);
        most = most.max(best - sign * value);
    }
    most
}

/// The claim's values in order, or why there are none.
fn evidence(results: &FamilyResults, claim: &Claim) -> Result<Evidence, String> {
    let metric = |name: &str| {
        Metric::parse(name)
            .ok_or_else(|| format!("`{name}` is not among what this version measures"))
    };
    let about = metric(&claim.metric)?;
    let expect = Expectation::parse(&claim.expect)
        .ok_or_else(|| format!("`{}` is no expectation", claim.expect))?;
    let variants: Vec<&Variant> = (claim.variants.iter())
        .filter_map(|name| results.family.variant(name))
        .collect();
    let values = |metric: &Metric| -> Result<Vec<f64>, String> {
        let value = |variant: &&Variant| {
            let missing = || format!("`{}` has no `{}`", variant.name, metric.name());
            metric.value(results, variant).ok_or_else(missing)
        };
        variants.iter().map(value).collect()
    };
    let mut found = values(&about)?;
    let order: Vec<f64> = match expect.other() {
        None => (0..found.len()).map(|index| index as f64).collect(),
        Some(name) => {
            let other = values(&metric(name)?)?;
            let mut both: Vec<(f64, f64)> = other.into_iter().zip(found).collect();
            both.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (other, sorted): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
            found = sorted;
            other
        }
    };
    let above = |variant: &&Variant| results.is_above_chance(&about, variant);
    Ok(Evidence {
        rank: rank_correlation(&order, &found),
        values: found,
        at_chance: variants.iter().all(|variant| above(variant) == Some(false)),
    })
}
