//! The norms of all tokens of a modality at one layer, and what they decide about each.

use crate::{kernels::norm_stats::NormStats, report::Outliers};

/// Half the width of the band about the limit in which nothing is decided before all norms are known, in standard
/// deviations.
pub(super) const WIDEST: f64 = 0.5;
/// The same where the norms of other parts, which are not at hand at all, decide in the end.
pub(super) const WIDEST_OF_PART: f64 = 1.0;

/// What has become of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is in the sums.
    Counted,
    /// It is not.
    LeftOut,
    /// Its row waits for what the norms of all tokens say.
    Waiting,
}

/// Median and deviation of norms as far as they are known, and how much they are trusted.
#[derive(Clone, Copy, Debug)]
struct Estimate {
    mean: f64,
    median: f64,
    deviation: f64,
    /// Half the width of the band in which nothing is decided.
    doubt: f64,
}

/// Norms of one layer.
#[derive(Debug)]
pub(super) struct Norms {
    rule: Outliers,
    /// How much the first estimate is doubted.
    widest: f64,
    values: Vec<f32>,
    fates: Vec<Fate>,
    estimate: Option<Estimate>,
}

impl Norms {
    pub(super) fn new(rule: Outliers, tokens: usize, widest: f64) -> Self {
        Self {
            rule,
            widest,
            values: Vec::with_capacity(tokens),
            fates: Vec::with_capacity(tokens),
            estimate: None,
        }
    }

    /// Takes the norms of further tokens and decides about them. Gives the decisions.
    pub(super) fn extend(&mut self, norms: &[f32]) -> &[Fate] {
        let begin = self.values.len();
        self.values.extend(norms);
        let estimate = *self
            .estimate
            .get_or_insert_with(|| estimate(&self.values, self.widest));
        let rule = self.rule;
        let fates = norms.iter().map(|&norm| estimate.fate(rule, norm));
        self.fates.extend(fates);
        &self.fates[begin..]
    }

    /// From now on it is decided by all norms seen so far, with half the doubt.
    pub(super) fn narrow(&mut self) {
        let doubt = self.estimate.map_or(self.widest, |estimate| estimate.doubt);
        self.estimate = Some(estimate(&self.values, doubt / 2.0));
    }

    /// Decides anew about some tokens that wait.
    pub(super) fn decide(&mut self, tokens: &[u32]) -> Vec<Fate> {
        let Some(estimate) = self.estimate else {
            return Vec::new();
        };
        let decide = |&token: &u32| {
            let fate = estimate.fate(self.rule, self.values[token as usize]);
            self.fates[token as usize] = fate;
            fate
        };
        tokens.iter().map(decide).collect()
    }

    /// The token's fate is another from now on.
    pub(super) fn settle(&mut self, token: usize, counted: bool) {
        self.fates[token] = match counted {
            true => Fate::Counted,
            false => Fate::LeftOut,
        };
    }

    pub(super) fn fate(&self, token: usize) -> Fate {
        self.fates[token]
    }

    /// Statistics of all norms, as the device would have them.
    pub(super) fn stats(&self) -> Option<NormStats> {
        let count = self.values.len();
        if count < 2 {
            return None;
        }
        let broken = self.values.iter().filter(|norm| !norm.is_finite()).count();
        let Estimate {
            mean,
            median,
            deviation,
            ..
        } = estimate(&self.values, 0.0);
        // In f32 from here on, as the kernels compare.
        let (median, limit) = (median as f32, (3.0 * deviation) as f32);
        let beyond = |norm: &&f32| (*norm - median).abs() > limit;
        let near = |norm: &&f32| ((*norm - median).abs() - limit).abs() < 0.01 * limit;
        Some(NormStats {
            mean: mean as f32,
            deviation: deviation as f32,
            median,
            outliers: self.values.iter().filter(beyond).count(),
            broken,
            scale: unit_scale(if median > 0.0 { median } else { mean as f32 }),
            limit,
            near: self.values.iter().filter(near).count(),
        })
    }

    /// Those of tokens in several parts, about which nothing is to be decided.
    pub(super) fn of_parts<'a>(rule: Outliers, parts: impl Iterator<Item = &'a [f32]>) -> Self {
        let values: Vec<f32> = parts.flatten().copied().collect();
        Self {
            fates: vec![Fate::Waiting; values.len()],
            values,
            ..Self::new(rule, 0, WIDEST)
        }
    }

    /// Tokens seen.
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// Norms of some tokens.
    pub(super) fn of(&self, tokens: std::ops::Range<usize>) -> &[f32] {
        &self.values[tokens]
    }

    /// Whether a token counts, by the statistics of all norms.
    pub(super) fn verdict(&self, stats: &NormStats, token: usize) -> bool {
        self.rule == Outliers::Keep || (self.values[token] - stats.median).abs() <= stats.limit
    }

    /// Whether each token counts, by the statistics of all norms.
    pub(super) fn verdicts<'a>(&'a self, stats: &'a NormStats) -> impl Iterator<Item = bool> + 'a {
        (0..self.values.len()).map(|token| self.verdict(stats, token))
    }
}

/// The power of two that brings a norm into `[1, 2)`, as far as f32 reaches.
fn unit_scale(norm: f32) -> f32 {
    let exponent = (norm.to_bits() >> 23).clamp(27, 227);
    f32::from_bits((254 - exponent) << 23)
}

/// From the norms that are finite.
fn estimate(norms: &[f32], doubt: f64) -> Estimate {
    let mut finite: Vec<f32> = norms
        .iter()
        .copied()
        .filter(|norm| norm.is_finite())
        .collect();
    let count = finite.len();
    if count == 0 {
        return Estimate {
            mean: 0.0,
            median: 0.0,
            deviation: 0.0,
            doubt,
        };
    }
    let (_, median, _) = finite.select_nth_unstable_by((count - 1) / 2, f32::total_cmp);
    let median = f64::from(*median);
    let mean = finite.iter().map(|&norm| f64::from(norm)).sum::<f64>() / count as f64;
    let squares = finite.iter().map(|&norm| (f64::from(norm) - mean).powi(2));
    Estimate {
        mean,
        median,
        deviation: (squares.sum::<f64>() / (count.max(2) - 1) as f64).sqrt(),
        doubt,
    }
}

impl Estimate {
    fn fate(&self, rule: Outliers, norm: f32) -> Fate {
        if !norm.is_finite() {
            return Fate::LeftOut;
        }
        let distance = (f64::from(norm) - self.median).abs();
        if rule == Outliers::Keep || distance <= (3.0 - self.doubt) * self.deviation {
            Fate::Counted
        } else if distance > (3.0 + self.doubt) * self.deviation {
            Fate::LeftOut
        } else {
            Fate::Waiting
        }
    }
}
