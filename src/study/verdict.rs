//! Whether what a paper claims held here.

use serde::{Deserialize, Serialize};

use super::{
    Claim, Expectation, OtherSeed, RankCorrelation, StudyResults, Variant,
    evidence::{Evidence, evidence, other_seeds},
    rank_correlation,
};

/// The rule of all verdicts, as the table and the app print it.
pub const VERDICT_RULE: &str = "\
The change is the claim's metric at the last of its settings less that at the first. Noise is what two trainings \
that differ by the seed of their training alone exceed once in 20 times: their standard deviation, pooled over \
the settings that were trained from several seeds (of one training's snapshots the last; none whose scores are at \
chance), times the root of 2 and Student's t for its degrees of freedom. Held here: the change is not less than \
the noise, the sign of Spearman's rank correlation along the settings (of two: of the change) is as claimed, and \
no setting lies on the wrong side of an earlier one by more than the noise. Within noise: the change is less. Did \
not hold here: all else. Settings between the ends may thus go the other way: by no more than the noise where a \
claim held, by any amount where its outcome is within noise. At chance: the metric is a score, \
and none of the settings is above chance, so that nothing can be told. Where a claim says that one metric falls \
with another, their rank correlation alone counts: it is within noise where it, or one as strong the other way, \
comes about by chance more often than once in 20 times. A claim that nothing changes held where no two of its \
settings differ by the noise. Not measured: a number is missing, or no seeds tell how large the noise is.";

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
    /// None of the variants is above chance.
    AtChance,
    /// It cannot be judged.
    NotMeasured,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 5] = [
        Self::Held,
        Self::DidNotHold,
        Self::WithinNoise,
        Self::AtChance,
        Self::NotMeasured,
    ];

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Held => "held here",
            Self::DidNotHold => "did not hold here",
            Self::WithinNoise => "within noise",
            Self::AtChance => "at chance",
            Self::NotMeasured => "not measured",
        }
    }

    /// How many there are of each, in words and in the order of [`Self::ALL`]: `4 held here, 1 within noise`.
    pub fn counts(outcomes: &[Self]) -> String {
        let count = |outcome: Self| outcomes.iter().filter(|it| **it == outcome).count();
        let counts = Self::ALL.into_iter().map(|it| (it, count(it)));
        let words = counts.filter(|(_, count)| *count > 0);
        let words = words.map(|(outcome, count)| format!("{count} {}", outcome.words()));
        words.collect::<Vec<_>>().join(", ")
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
    /// The metric at the first and at the last variant; absent where the claim is not about a change.
    pub ends: Option<[f64; 2]>,
    /// Below this a change is noise.
    pub noise: Option<f64>,
    /// The same from other seeds of the training; not part of the rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seeds: Vec<OtherSeed>,
}

impl Verdict {
    /// The last variant's value less the first one's.
    pub fn change(&self) -> Option<f64> {
        self.ends.map(|[first, last]| last - first)
    }
}

/// The verdict of each claim, by [`VERDICT_RULE`].
pub fn verdicts(results: &StudyResults) -> Vec<Verdict> {
    let claims = results.study.claims.iter();
    claims.map(|claim| judge(results, claim)).collect()
}

fn judge(results: &StudyResults, claim: &Claim) -> Verdict {
    let mut verdict = Verdict {
        claim: claim.id.clone(),
        outcome: Outcome::NotMeasured,
        note: None,
        rank: rank_correlation(&[], &[]),
        ends: None,
        noise: None,
        seeds: Vec::new(),
    };
    let variants: Vec<&Variant> = (claim.variants.iter())
        .filter_map(|name| results.study.variant(name))
        .collect();
    let evidence = match evidence(results, claim, &variants) {
        Ok(evidence) => evidence,
        Err(reason) => {
            verdict.note = Some(reason);
            return verdict;
        }
    };
    verdict.rank = evidence.rank;
    verdict.seeds = other_seeds(results, claim, &variants);
    if evidence.at_chance {
        verdict.outcome = Outcome::AtChance;
        return verdict;
    }
    let sign = match evidence.expectation {
        Expectation::FallsWith(_) => {
            verdict.outcome = match evidence.rank.sure_sign() {
                None => Outcome::WithinNoise,
                Some(sign) if sign < 0.0 => Outcome::Held,
                Some(_) => Outcome::DidNotHold,
            };
            return verdict;
        }
        Expectation::Same => None,
        Expectation::Increasing => Some(1.0),
        Expectation::Decreasing => Some(-1.0),
    };
    let Some(noise) = results.noise_of(&evidence.metric) else {
        verdict.note = Some(format!(
            "no setting has `{}` from two seeds, so that its noise is not known",
            claim.metric
        ));
        return verdict;
    };
    verdict.noise = Some(noise.threshold());
    match sign {
        None => unchanged(&mut verdict, &evidence, noise.threshold()),
        Some(sign) => changed(&mut verdict, &evidence, noise.threshold(), sign),
    }
    verdict
}

/// Judges a claim that nothing changes.
fn unchanged(verdict: &mut Verdict, evidence: &Evidence, noise: f64) {
    let range = evidence.range();
    let words = evidence.metric.difference(range).replace('+', "");
    verdict.note = Some(format!("they differ by up to {words}"));
    verdict.outcome = match range < noise {
        true => Outcome::Held,
        false => Outcome::DidNotHold,
    };
}

/// Judges a claim that the metric moves by `sign` along the variants.
fn changed(verdict: &mut Verdict, evidence: &Evidence, noise: f64, sign: f64) {
    let Evidence { values, metric, .. } = evidence;
    let (Some(first), Some(last)) = (values.first(), values.last()) else {
        return;
    };
    let change = last - first;
    verdict.ends = Some([*first, *last]);
    let words = |size: f64| metric.difference(size).replace('+', "");
    let direction = if values.len() > 2 {
        evidence.rank.rho.unwrap_or(0.0)
    } else {
        change
    };
    let back = setback(values, sign);
    verdict.outcome = if change.abs() < noise {
        if evidence.range() >= noise {
            let range = words(evidence.range());
            verdict.note = Some(format!("between the ends it differs by up to {range}"));
        }
        Outcome::WithinNoise
    } else if direction * sign <= 0.0 {
        Outcome::DidNotHold
    } else if back > noise {
        verdict.note = Some(format!("on the way it goes back by {}", words(back)));
        Outcome::DidNotHold
    } else {
        Outcome::Held
    };
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
