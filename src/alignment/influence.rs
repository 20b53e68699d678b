//! How the quantities of a layer move with the weight of each pair, and intervals made of that.
//!
//! Each quantity is a smooth function of a few scalars (two mean norms, three products of means, two traces,
//! the trace of the square root), each of which has a derivative by the weight of a pair. To first order the
//! bootstrap of whole pairs moves a quantity by the sum of these derivatives times the changes of the
//! weights, so its standard error is the root of the sum of their squares (the infinitesimal jackknife;
//! Efron 1982). Pairs, not tokens, are drawn, for the tokens of a pair are alike. Which tokens are outliers and
//! what replaces them is held fixed.

use super::{
    LayerDistance,
    frechet::{Cloud, dot},
    rank_check::{Without, checked},
    similarity::left_out,
};

/// Sums over the tokens of one pair and one modality, in the units of the states; rows are centered, outliers
/// replaced.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PairSums {
    /// All tokens.
    pub(super) tokens: f64,
    /// Those that the outlier rule does not leave out: what follows the norms is of them.
    pub(super) counted: f64,
    /// Norms before the handling of outliers.
    pub(super) norms: f64,
    /// Products with the mean of the own modality and with that of the other.
    pub(super) along: [f64; 2],
    /// Squared lengths.
    pub(super) squares: f64,
    /// `x^T T x` with the optimal transport map T from the own modality to the other.
    pub(super) transport: f64,
    /// `x^T M x` of the scaled rows with what the effective rank moves by, where it is wanted.
    pub(super) rank: Option<f64>,
}

/// Derivatives of a layer's quantities by the weight of each pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Influence {
    /// Of [`LayerDistance::frechet`](super::LayerDistance::frechet), exact.
    pub frechet: Vec<f64>,
    /// Of the norm-matched distance.
    pub norm_matched: Vec<f64>,
    /// Of the mean norm of vision over that of text.
    pub norm_ratio: Vec<f64>,
    /// Of spread and shape together.
    pub gap: Vec<f64>,
    /// Of the effective ranks of vision and text, where they were asked for and can be told.
    pub ranks: [Vec<f64>; 2],
}

/// The scalars, or their derivatives by one weight.
#[derive(Clone, Copy)]
struct Scalars {
    /// Mean norms.
    norms: [f64; 2],
    /// `|mu|^2`.
    means: [f64; 2],
    /// `mu_v . mu_t`.
    product: f64,
    /// `Tr S`.
    traces: [f64; 2],
    /// `Tr (S_v S_t)^(1/2)`.
    root: f64,
}

impl Scalars {
    /// The derivative of the distance with the clouds scaled by `a` and `b`, which move by `da` and `db`.
    fn distance(&self, by: &Self, [a, b]: [f64; 2], [da, db]: [f64; 2]) -> f64 {
        let own = |side: usize| self.means[side] + self.traces[side];
        let change = |side: usize| by.means[side] + by.traces[side];
        let moved = a * a * change(0) + b * b * change(1) - 2.0 * a * b * (by.product + by.root);
        let both = (da * b + a * db) * (self.product + self.root);
        moved + 2.0 * (a * da * own(0) + b * db * own(1) - both)
    }
}

impl Influence {
    /// From the distances without one of several groups of pairs each (the jackknife), where there is nothing to tell how
    /// a single pair moves them: one derivative for each group.
    pub fn of_groups(without: &[LayerDistance]) -> Self {
        let of = |value: &dyn Fn(&LayerDistance) -> f64| {
            left_out(&without.iter().map(value).collect::<Vec<f64>>())
        };
        let rank = |side: usize| {
            let ranks: Option<Vec<f64>> = without.iter().map(|it| it.ranks[side]).collect();
            ranks.map(|ranks| left_out(&ranks)).unwrap_or_default()
        };
        Self {
            frechet: of(&|it| it.frechet),
            norm_matched: of(&|it| it.frechet_norm_matched),
            norm_ratio: of(&|it| it.mean_norms[0] / it.mean_norms[1]),
            gap: of(&|it| it.spread + it.shape),
            ranks: [rank(0), rank(1)],
        }
    }

    /// Of one layer with these clouds and `Tr (S_v S_t)^(1/2)`, from the sums over each pair: vision, text; and from the
    /// effective ranks without some pairs.
    pub(super) fn new(
        clouds: &[Cloud; 2],
        root: f64,
        pairs: &[[PairSums; 2]],
        without: [Vec<Without>; 2],
    ) -> Self {
        let [vision, text] = clouds;
        let tokens = [vision.tokens as f64, text.tokens as f64];
        let counts = [vision.counted as f64, text.counted as f64];
        let all = Scalars {
            norms: [f64::from(vision.norms.mean), f64::from(text.norms.mean)],
            means: [dot(&vision.mean, &vision.mean), dot(&text.mean, &text.mean)],
            product: dot(&vision.mean, &text.mean),
            traces: [vision.trace, text.trace],
            root,
        };
        let mut found = Self::default();
        for sums in pairs {
            let each = |of: &dyn Fn(usize, &PairSums) -> f64| [of(0, &sums[0]), of(1, &sums[1])];
            let half = each(&|side, it| (it.transport - it.counted * root) / (counts[side] - 1.0));
            let by = Scalars {
                norms: each(&|side, it| (it.norms - it.tokens * all.norms[side]) / tokens[side]),
                means: each(&|side, it| 2.0 * it.along[0] / counts[side]),
                product: each(&|side, it| it.along[1] / counts[side]).iter().sum(),
                traces: each(&|side, it| {
                    (it.squares - it.counted * all.traces[side]) / (counts[side] - 1.0)
                }),
                root: half.iter().sum::<f64>() / 2.0,
            };
            let scales = all.norms.map(|norm| 1.0 / norm);
            let moved = [0, 1].map(|side| -by.norms[side] * scales[side].powi(2));
            let [text_scale, text_moved] = [[scales[1]; 2], [moved[1]; 2]];
            found
                .frechet
                .push(all.distance(&by, text_scale, text_moved));
            found.norm_matched.push(all.distance(&by, scales, moved));
            found
                .norm_ratio
                .push(by.norms[0] * scales[1] + all.norms[0] * moved[1]);
            let centered = |scalars: &Scalars| Scalars {
                means: [0.0; 2],
                product: 0.0,
                ..*scalars
            };
            let gap = centered(&all).distance(&centered(&by), text_scale, text_moved);
            found.gap.push(gap);
            for (ranks, sums) in found.ranks.iter_mut().zip(sums) {
                ranks.extend(sums.rank);
            }
        }
        for (ranks, without) in found.ranks.iter_mut().zip(without) {
            *ranks = checked(std::mem::take(ranks), without);
        }
        found
    }
}
