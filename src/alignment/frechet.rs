//! From statistics to distances: scalars, in f64.

use super::{AlignmentError, Influence, Modality};
use crate::{
    kernels::norm_stats::NormStats,
    report::{Definition, LayerReport, Moments, Outliers, interval},
};

/// What is known about one modality at one layer, in the units of the states.
#[derive(Clone, Debug)]
pub(super) struct Cloud {
    /// All of them, what the outlier rule leaves out as well.
    pub(super) tokens: usize,
    /// Those that the mean and the trace are of.
    pub(super) counted: usize,
    pub(super) norms: NormStats,
    pub(super) mean: Vec<f64>,
    /// `Tr S`.
    pub(super) trace: f64,
    /// The effective rank, where it was asked for and there is one.
    pub(super) rank: Option<f64>,
}

/// The distance between the modalities at one layer; the fields mean what they do in
/// [`LayerReport`].
#[derive(Clone, Debug, PartialEq)]
pub struct LayerDistance {
    /// The layer's term of the sum, in the definition asked for.
    pub frechet: f64,
    /// `alpha^2 ||mu_v - mu_t||^2`.
    pub location: f64,
    /// `alpha^2 (sqrt(Tr S_v) - sqrt(Tr S_t))^2`.
    pub spread: f64,
    /// `2 alpha^2 (sqrt(Tr S_v Tr S_t) - Tr (S_v S_t)^(1/2))`, whatever the definition.
    pub shape: f64,
    /// `alpha^2 (||mu_v - mu_t||^2 + Tr S_v + Tr S_t)`, with [`Definition::OfficialFast`] only.
    pub frechet_upper: Option<f64>,
    /// What [`Definition::OfficialFast`] has in the place of the distance, and the most that the script's loop
    /// may give in f32.
    pub fast: [f64; 2],
    /// The exact distance with each modality scaled to mean norm 1.
    pub frechet_norm_matched: f64,
    /// Mean norms before any scaling and before the handling of outliers: vision, text.
    pub mean_norms: [f64; 2],
    /// Tokens that the outlier rule replaced or left out: vision, text.
    pub outliers: [usize; 2],
    /// Tokens within 1 % of the rule's limit: vision, text.
    pub near_limit: [usize; 2],
    /// Number of tokens: vision, text.
    pub tokens: [usize; 2],
    /// What the distance is made of.
    pub moments: Moments,
    /// How it moves with the weight of each pair, where intervals were asked for and can be given.
    pub influence: Option<Influence>,
    /// The effective ranks of vision and text, where they were asked for; absent where the cloud is a point.
    pub ranks: [Option<f64>; 2],
}

impl LayerDistance {
    /// `nuclear` is `Tr (S_v S_t)^(1/2)`, `product` is `Tr (S_v S_t)`.
    pub(super) fn new(
        definition: Definition,
        layer: usize,
        clouds: &[Cloud; 2],
        nuclear: f64,
        product: f64,
        outliers: Outliers,
    ) -> Result<Self, AlignmentError> {
        for (modality, cloud) in Modality::ALL.into_iter().zip(clouds) {
            if cloud.norms.mean <= 0.0 {
                return Err(AlignmentError::ZeroNorms { layer, modality });
            }
        }
        let [vision, text] = clouds;
        let mean_norms = [f64::from(vision.norms.mean), f64::from(text.norms.mean)];
        let (spread_v, spread_t) = (vision.trace.sqrt(), text.trace.sqrt());
        // Never negative; rounding may say otherwise.
        let shape = (2.0 * (spread_v * spread_t - nuclear)).max(0.0);
        // The distance of the clouds scaled by `a` and `b`, part by part.
        let parts = |a: f64, b: f64| {
            let location: f64 = (vision.mean.iter().zip(&text.mean))
                .map(|(v, t)| (a * v - b * t).powi(2))
                .sum();
            let spread = (a * spread_v - b * spread_t).powi(2);
            (location, spread, a * b * shape)
        };
        // The text's mean norm becomes 1.
        let alpha = 1.0 / mean_norms[1];
        let (location, spread, shape) = parts(alpha, alpha);
        let upper = location + alpha.powi(2) * (vision.trace + text.trace);
        let fast = [upper - 2.0 * alpha.powi(4) * product, upper];
        let matched = parts(1.0 / mean_norms[0], 1.0 / mean_norms[1]);
        let count = |cloud: &Cloud| match outliers {
            Outliers::Keep => 0,
            Outliers::Replace | Outliers::Drop => cloud.norms.outliers,
        };
        let distance = Self {
            frechet: location + spread + shape,
            location,
            spread,
            shape,
            frechet_upper: None,
            fast,
            frechet_norm_matched: matched.0 + matched.1 + matched.2,
            mean_norms,
            outliers: [count(vision), count(text)],
            near_limit: [vision.norms.near, text.norms.near],
            tokens: [vision.tokens, text.tokens],
            moments: Moments {
                mean_vision: dot(&vision.mean, &vision.mean),
                mean_text: dot(&text.mean, &text.mean),
                mean_product: dot(&vision.mean, &text.mean),
                trace_vision: vision.trace,
                trace_text: text.trace,
                trace_root: nuclear,
            },
            influence: None,
            ranks: [vision.rank, text.rank],
        };
        Ok(distance.by(definition))
    }

    /// The same layer's term by a definition's formula.
    fn by(self, definition: Definition) -> Self {
        let (frechet, frechet_upper) = match definition {
            Definition::Exact | Definition::OfficialAccurate => {
                (self.location + self.spread + self.shape, None)
            }
            Definition::OfficialFast => (self.fast[0], Some(self.fast[1])),
        };
        Self {
            frechet,
            frechet_upper,
            ..self
        }
    }

    /// The layer's entry in a report; `layer` counts from 1, `state` names what was captured.
    pub fn report(&self, layer: usize, state: impl Into<String>) -> LayerReport {
        LayerReport {
            layer,
            state: state.into(),
            frechet: self.frechet,
            location: self.location,
            spread: self.spread,
            shape: self.shape,
            frechet_upper: self.frechet_upper,
            frechet_norm_matched: self.frechet_norm_matched,
            n_vision: self.tokens[0],
            n_text: self.tokens[1],
            mean_norm_vision: self.mean_norms[0],
            mean_norm_text: self.mean_norms[1],
            outliers_vision: self.outliers[0],
            outliers_text: self.outliers[1],
            near_limit: Some(self.near_limit),
            moments: Some(self.moments),
        }
    }
}

/// Intervals of one quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Intervals {
    /// As in [`MetricReport::id`](crate::report::MetricReport::id).
    pub id: &'static str,
    /// Of the overall value.
    pub overall: Option<[f64; 2]>,
    /// Derivatives of the overall value by the weight of each pair.
    pub by_pair: Vec<f64>,
    /// Of each layer's value.
    pub per_layer: Vec<Option<[f64; 2]>>,
}

/// The sum of products.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The Modality Integration Rate and what it is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct MirResult {
    /// `log10` of the sum of the layers' `frechet`; `None` where the sum is not positive and the MIR
    /// undefined.
    pub mir: Option<f64>,
    /// The same of `frechet_norm_matched`.
    pub norm_matched_mir: Option<f64>,
    /// Layer by layer, first to last.
    pub layers: Vec<LayerDistance>,
}

impl MirResult {
    /// Of the layers' distances.
    pub fn new(layers: Vec<LayerDistance>) -> Self {
        let log = |sum: f64| (sum > 0.0).then(|| sum.log10());
        Self {
            mir: log(layers.iter().map(|layer| layer.frechet).sum()),
            norm_matched_mir: log(layers.iter().map(|layer| layer.frechet_norm_matched).sum()),
            layers,
        }
    }

    /// 95 % intervals over pairs of the quantities that follow from the layers, overall and at each layer, by the
    /// ids of a report. None where there are none.
    pub fn intervals(&self) -> Vec<Intervals> {
        let layers = || self.layers.iter();
        let all: Option<Vec<&Influence>> = layers().map(|it| it.influence.as_ref()).collect();
        let Some(influences) = all.filter(|all| !all.is_empty()) else {
            return Vec::new();
        };
        let of = |id, value: fn(&LayerDistance) -> f64, by: fn(&Influence) -> &Vec<f64>, log| {
            let values: Vec<f64> = layers().map(value).collect();
            let each: Vec<&Vec<f64>> = influences.iter().map(|it| by(it)).collect();
            let sum: f64 = values.iter().sum();
            // The mean of the layers, or the logarithm of their sum.
            let (overall, factor) = match log {
                true => (sum.log10(), 1.0 / (sum * std::f64::consts::LN_10)),
                false => (sum / values.len() as f64, 1.0 / values.len() as f64),
            };
            let pairs = each.first().map_or(0, |it| it.len());
            let moved: Vec<f64> = (0..pairs)
                .map(|pair| factor * each.iter().map(|it| it[pair]).sum::<f64>())
                .collect();
            Intervals {
                id,
                by_pair: moved.clone(),
                overall: overall
                    .is_finite()
                    .then(|| interval(overall, &moved))
                    .flatten(),
                per_layer: (values.iter().zip(each))
                    .map(|(value, moved)| interval(*value, moved))
                    .collect(),
            }
        };
        vec![
            of("mir", |it| it.frechet, |it| &it.frechet, true),
            of(
                "norm-matched-mir",
                |it| it.frechet_norm_matched,
                |it| &it.norm_matched,
                true,
            ),
            of(
                "norm-ratio",
                |it| it.mean_norms[0] / it.mean_norms[1],
                |it| &it.norm_ratio,
                false,
            ),
            of(
                "distribution-gap",
                |it| it.spread + it.shape,
                |it| &it.gap,
                true,
            ),
        ]
    }

    /// The result over the layers at these places, in this order, by a definition's formula: for several forms of
    /// one state, or more states than a definition takes, measured in one run.
    pub fn taken(&self, places: &[usize], definition: Definition) -> Self {
        let layers = places.iter().filter_map(|&place| self.layers.get(place));
        Self::new(layers.map(|layer| layer.clone().by(definition)).collect())
    }
}
