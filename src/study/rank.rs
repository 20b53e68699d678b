//! Rank correlations, Spearman's and Kendall's, and how sure they are.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::report::SplitMix64;

/// Most values whose permutations are all tried: 8! = 40,320.
const MOST_EXACT: usize = 8;
/// Resamples of a bootstrap.
const RESAMPLES: usize = 2000;
/// Seed of a bootstrap.
const SEED: u64 = 1;

/// Spearman's rank correlation of some pairs of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankCorrelation {
    /// Pairs of values.
    pub n: usize,
    /// -1 to 1; absent where one of the two does not vary, or there are fewer than two pairs.
    pub rho: Option<f64>,
    /// How sure it is.
    pub certainty: Certainty,
}

/// How sure a correlation is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Certainty {
    /// Share of all orders of the one in which the correlation with the other is at least as strong,
    /// in either direction; 3 to 8 pairs.
    ExactP {
        /// The share.
        p: f64,
    },
    /// Middle 95 % over resamples of the pairs, with replacement, from a fixed seed; 9 pairs or more.
    Bootstrap {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Too few pairs, or no correlation.
    Unknown,
}

/// How often a correlation may come about by chance and still count.
const RARE: f64 = 0.05;

impl RankCorrelation {
    /// Its sign, where none as strong comes about by chance more often than once in 20 times.
    pub fn sure_sign(&self) -> Option<f64> {
        let rho = self.rho?;
        let sure = match self.certainty {
            Certainty::ExactP { p } => p <= RARE,
            Certainty::Bootstrap { low, high } => low > 0.0 || high < 0.0,
            Certainty::Unknown => false,
        };
        sure.then(|| rho.signum())
    }

    /// The correlation in words: `rho = −0.96 (n = 7, p = 0.0028 over all orders)`.
    pub fn words(&self) -> String {
        let Some(rho) = self.rho else {
            return format!("rho undefined (n = {})", self.n);
        };
        let sure = match self.certainty {
            Certainty::ExactP { p } => format!(", p = {} over all orders", probability(p)),
            Certainty::Bootstrap { low, high } => {
                format!(", 95 % {} to {} by bootstrap", signed(low), signed(high))
            }
            Certainty::Unknown => String::new(),
        };
        format!("rho = {} (n = {}{sure})", signed(rho), self.n)
    }
}

/// Kendall's rank correlation (tau-b) of some pairs of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Kendall {
    /// -1 to 1; absent where [`RankCorrelation::rho`] is.
    pub tau: Option<f64>,
    /// How sure it is.
    pub certainty: Certainty,
}

impl Certainty {
    /// In words behind a value: ` (p = 0.0028)` or ` (−0.90 to −0.20)`.
    fn beside(&self) -> String {
        match self {
            Self::ExactP { p } => format!(" (p = {})", probability(*p)),
            Self::Bootstrap { low, high } => format!(" ({} to {})", signed(*low), signed(*high)),
            Self::Unknown => String::new(),
        }
    }
}

/// A coefficient for a cell of a table, with what is known of its certainty: `-0.64 (-0.84 to -0.35)`.
pub(super) fn coefficient(value: Option<f64>, certainty: &Certainty) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| signed(value) + &certainty.beside(),
    )
}

fn probability(p: f64) -> String {
    if p < 0.001 {
        format!("{p:.0e}")
    } else if p < 0.1 {
        format!("{p:.3}")
    } else {
        format!("{p:.2}")
    }
}

/// Two decimals with a minus sign that is as wide as a digit.
fn signed(value: f64) -> String {
    format!("{value:.2}").replace('-', "\u{2212}")
}

/// The rank of each value, 1 for the smallest; equal values share the average of their ranks.
pub fn average_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let same = |index: &&usize| values[**index] == values[order[start]];
        let count = order[start..].iter().take_while(same).count().max(1);
        // Ranks start + 1 to start + count.
        let rank = start as f64 + (count as f64 + 1.0) / 2.0;
        for index in &order[start..start + count] {
            ranks[*index] = rank;
        }
        start += count;
    }
    ranks
}

/// Spearman's rho: Pearson's correlation of the average ranks.
///
/// Absent with fewer than two pairs, and where one of the two does not vary. Of slices of different
/// lengths the longer one's rest is not used.
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len().min(y.len());
    pearson(&average_ranks(&x[..n]), &average_ranks(&y[..n]))
}

fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (a, b) in x.iter().zip(y) {
        let (a, b) = (a - mean_x, b - mean_y);
        xy += a * b;
        xx += a * a;
        yy += b * b;
    }
    (xx > 0.0 && yy > 0.0).then(|| (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0))
}

/// Kendall's tau-b: of all pairs of samples the concordant less the discordant ones, over the root of the product of
/// how many differ in `x` and how many in `y`.
///
/// Absent as [`spearman`] is. Source: M. G. Kendall, "The treatment of ties in ranking problems", 1945.
pub fn kendall(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len().min(y.len());
    let sign = |values: &[f64], i: usize, j: usize| match values[i].total_cmp(&values[j]) {
        _ if values[i] == values[j] => 0,
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    let (mut both, mut of_x, mut of_y) = (0_i64, 0_i64, 0_i64);
    for i in 0..n {
        for j in 0..i {
            let (a, b) = (sign(x, i, j), sign(y, i, j));
            both += a * b;
            of_x += a * a;
            of_y += b * b;
        }
    }
    (of_x > 0 && of_y > 0).then(|| both as f64 / (of_x as f64 * of_y as f64).sqrt())
}

/// A coefficient of two lists.
type Coefficient = fn(&[f64], &[f64]) -> Option<f64>;

/// Spearman's rho with what can be said of its certainty.
pub fn rank_correlation(x: &[f64], y: &[f64]) -> RankCorrelation {
    let n = x.len().min(y.len());
    let (x, y) = (&x[..n], &y[..n]);
    let rho = spearman(x, y);
    // Another order of the values is the same order of their ranks.
    let exact: [&[f64]; 2] = [&average_ranks(x), &average_ranks(y)];
    let certainty = certainty([x, y], spearman, rho, (exact, pearson));
    RankCorrelation { n, rho, certainty }
}

/// Kendall's tau with what can be said of its certainty, in the same way.
pub fn kendall_correlation(x: &[f64], y: &[f64]) -> Kendall {
    let n = x.len().min(y.len());
    let values = [&x[..n], &y[..n]];
    let tau = kendall(x, y);
    let certainty = certainty(values, kendall, tau, (values, kendall));
    Kendall { tau, certainty }
}

/// How sure a coefficient `found` of `values` is; `exact` gives the same one of any order of the values.
fn certainty(
    values: [&[f64]; 2],
    of: Coefficient,
    found: Option<f64>,
    exact: ([&[f64]; 2], Coefficient),
) -> Certainty {
    let n = values[0].len();
    match found {
        Some(found) if (3..=MOST_EXACT).contains(&n) => {
            let ([x, y], of) = exact;
            Certainty::ExactP {
                p: exact_p(x, y.to_vec(), of, found),
            }
        }
        Some(_) if n > MOST_EXACT => bootstrap(values, of),
        _ => Certainty::Unknown,
    }
}

/// The share of the orders of `y` whose coefficient with `x` is at least as strong as the one that was found.
fn exact_p(x: &[f64], mut y: Vec<f64>, of: Coefficient, found: f64) -> f64 {
    let least = found.abs() - 1e-9;
    let (mut strong, mut all) = (0_u32, 0_u32);
    let mut look = |y: &[f64]| {
        all += 1;
        strong += u32::from(of(x, y).is_some_and(|found| found.abs() >= least));
    };
    // Heap's algorithm: every order once, each by one exchange.
    let n = y.len();
    let mut count = vec![0; n];
    look(&y);
    let mut at = 1;
    while at < n {
        if count[at] < at {
            let other = if at % 2 == 0 { 0 } else { count[at] };
            y.swap(other, at);
            look(&y);
            count[at] += 1;
            at = 1;
        } else {
            count[at] = 0;
            at += 1;
        }
    }
    f64::from(strong) / f64::from(all)
}

fn bootstrap([x, y]: [&[f64]; 2], of: Coefficient) -> Certainty {
    let mut random = SplitMix64::new(SEED);
    let n = x.len();
    let mut found: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            let drawn: Vec<usize> = (0..n).map(|_| random.below(n as u64) as usize).collect();
            let take = |from: &[f64]| -> Vec<f64> { drawn.iter().map(|at| from[*at]).collect() };
            of(&take(x), &take(y))
        })
        .collect();
    found.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (share * (found.len().saturating_sub(1)) as f64).round() as usize;
        found.get(index).copied()
    };
    match (at(0.025), at(0.975)) {
        (Some(low), Some(high)) => Certainty::Bootstrap { low, high },
        _ => Certainty::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_the_average_of_their_ranks() {
        let ranks = average_ranks(&[3.0, 1.0, 3.0, 2.0, 3.0]);
        assert_eq!(ranks, [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert!(average_ranks(&[]).is_empty());
        // What is no number has a rank all the same.
        assert_eq!(average_ranks(&[f64::NAN, 1.0]), [2.0, 1.0]);
    }

    /// Expected values of scipy.stats.spearmanr.
    #[test]
    fn rho_is_that_of_the_textbook() {
        let close = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        };
        close(
            spearman(&[1.0, 2.0, 3.0, 4.0], &[10.0, 20.0, 30.0, 31.0]),
            1.0,
        );
        close(
            spearman(&[1.0, 2.0, 3.0, 4.0], &[9.0, 7.0, 5.0, -1e9]),
            -1.0,
        );
        // d = (0, -1, 1, -2, 2): rho = 1 - 6 * 10 / (5 * 24).
        close(
            spearman(&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 3.0, 2.0, 5.5, 3.5]),
            1.0 - 6.0 * (0.0 + 1.0 + 1.0 + 1.0 + 1.0) / 120.0,
        );
        // With ties: ranks (1, 2.5, 2.5, 4) and (1, 2, 3, 4).
        close(
            spearman(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]),
            4.5 / (4.5_f64 * 5.0).sqrt(),
        );
        assert_eq!(spearman(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(spearman(&[1.0], &[1.0]), None);
        assert_eq!(spearman(&[], &[]), None);
    }

    /// Expected values of scipy.stats.kendalltau; the share over all orders, where there are no ties, is its exact p.
    #[test]
    fn tau_is_that_of_the_textbook() {
        let close = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        };
        let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 5.5, 3.5]);
        close(kendall(&x, &y), 0.6);
        let found = kendall_correlation(&x, &y);
        assert_eq!(found.certainty, Certainty::ExactP { p: 28.0 / 120.0 });
        let cell = coefficient(found.tau, &found.certainty);
        assert_eq!(cell, "0.60 (p = 0.23)");
        close(
            kendall(&[1.0, 2.0, 2.0, 3.0], &[1.0, 2.0, 3.0, 4.0]),
            0.912_870_929_175_277,
        );
        assert_eq!(kendall(&[1.0, 1.0, 1.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(kendall(&[1.0], &[1.0]), None);
        let many: Vec<f64> = (0..12).map(|i| f64::from(i * 7 % 12)).collect();
        let order: Vec<f64> = (0..12).map(f64::from).collect();
        let found = kendall_correlation(&order, &many);
        let Certainty::Bootstrap { low, high } = found.certainty else {
            panic!("{found:?}");
        };
        assert!((low..=high).contains(&found.tau.unwrap()), "{found:?}");
    }

    #[test]
    fn small_samples_have_the_share_of_all_orders() {
        let p = |x: &[f64], y: &[f64]| match rank_correlation(x, y).certainty {
            Certainty::ExactP { p } => p,
            other => panic!("{other:?}"),
        };
        // Two of the 24 orders are as strong: up and down.
        assert_eq!(p(&[1.0, 2.0, 3.0, 4.0], &[1.0, 2.0, 3.0, 4.0]), 2.0 / 24.0);
        assert_eq!(p(&[1.0, 2.0, 3.0], &[5.0, 4.0, 3.0]), 2.0 / 6.0);
        // rho = 0.5 with three: all but none are at least as strong.
        assert_eq!(p(&[1.0, 2.0, 3.0], &[1.0, 3.0, 2.0]), 1.0);
        // Of 5040 orders of 7, those at d^2 <= 2 of either end: 1 + 6 each.
        let seven: Vec<f64> = (0..7).map(f64::from).collect();
        let mut swapped = seven.clone();
        swapped.swap(2, 3);
        assert_eq!(p(&seven, &swapped), 14.0 / 5040.0);
        let two = rank_correlation(&[1.0, 2.0], &[1.0, 2.0]);
        assert_eq!((two.rho, two.certainty), (Some(1.0), Certainty::Unknown));
    }

    #[test]
    fn large_samples_have_a_bootstrap_that_repeats_itself() {
        let x: Vec<f64> = (0..40).map(f64::from).collect();
        let y: Vec<f64> = (0..40)
            .map(|i| f64::from(i) + f64::from(i * 37 % 23))
            .collect();
        let found = rank_correlation(&x, &y);
        let Certainty::Bootstrap { low, high } = found.certainty else {
            panic!("{found:?}");
        };
        let rho = found.rho.unwrap();
        assert!(low < rho && rho < high && high - low < 0.5, "{found:?}");
        assert_eq!(found, rank_correlation(&x, &y));
        assert!(found.words().contains("by bootstrap"), "{}", found.words());
    }
}
