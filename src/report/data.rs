//! The report of one measurement.

use serde::{Deserialize, Serialize};

use super::{
    DataSummary, Definition, DeviceSummary, MetricReport, ModelSummary, Outliers, PairsPoint,
    StageTiming, TextMask,
};

/// Version of the report's layout; raised when a field changes its meaning.
pub const SCHEMA: u32 = 2;

/// One measurement: settings, origin and result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`] of the program that wrote the report.
    pub schema: u32,
    /// Modality Integration Rate, `log10` of the sum of the layers' `frechet`; absent where the sum
    /// is not positive (possible with [`Definition::OfficialFast`]) and the MIR is undefined.
    pub mir: Option<f64>,
    /// MIR with each modality scaled to mean token norm 1, so that the norm ratio drops out.
    pub norm_matched_mir: Option<f64>,
    /// Definition of the distance.
    pub definition: Definition,
    /// Tokens that count as text.
    pub text_mask: TextMask,
    /// What became of tokens whose norm stands out; replaced in reports of older versions.
    #[serde(default)]
    pub outliers: Outliers,
    /// One entry per decoder layer, first to last.
    pub layers: Vec<LayerReport>,
    /// Every quantity that was computed, the rate itself first; made from the layers in reports of schema 1.
    #[serde(default)]
    pub metrics: Vec<MetricReport>,
    /// The rate of samples of the pairs, fewest first and all pairs last; empty where it was not asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<PairsPoint>,
    /// The checkpoint.
    pub model: ModelSummary,
    /// The image-text pairs.
    pub data: DataSummary,
    /// The device that computed.
    pub device: DeviceSummary,
    /// Wall-clock time of each stage, in seconds, in the order of execution.
    pub timings: Vec<StageTiming>,
    /// Version of mirscope.
    pub mirscope_version: String,
    /// What a reader should know: texts cut, images converted, values clamped.
    pub notes: Vec<String>,
}

/// The distance between the modalities at one decoder layer.
///
/// `frechet = location + spread + shape` for the exact distance, each part >= 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerReport {
    /// `layer_idx + 1`, that is the `k` of the paper: 1 to L.
    pub layer: usize,
    /// The captured state, for example `hidden_states[3]` or `hidden_states[12] after the final norm`.
    pub state: String,
    /// The layer's term of the MIR sum.
    pub frechet: f64,
    /// `||mu_v - mu_t||^2`.
    pub location: f64,
    /// `(sqrt(Tr S_v) - sqrt(Tr S_t))^2`.
    pub spread: f64,
    /// `2 (sqrt(Tr S_v Tr S_t) - Tr (S_v S_t)^(1/2))`.
    pub shape: f64,
    /// The term when nothing is subtracted for the cross-covariance: the upper end of the bracket
    /// in which the released script's fast mode drifts. Only with [`Definition::OfficialFast`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub frechet_upper: Option<f64>,
    /// The distance with each modality scaled to mean token norm 1.
    pub frechet_norm_matched: f64,
    /// Number of vision tokens over all pairs.
    pub n_vision: usize,
    /// Number of text tokens over all pairs.
    pub n_text: usize,
    /// Mean l2 norm of the vision tokens, before any scaling.
    pub mean_norm_vision: f64,
    /// Mean l2 norm of the text tokens, before any scaling.
    pub mean_norm_text: f64,
    /// Vision tokens that the outlier rule replaced or left out.
    pub outliers_vision: usize,
    /// Text tokens that the outlier rule replaced or left out.
    pub outliers_text: usize,
    /// Tokens whose distance to the median is within 1 % of the outlier rule's limit, so that the smallest change
    /// of their norm may decide over them: vision, text. Absent in reports of older versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub near_limit: Option<[usize; 2]>,
    /// What the distance is made of, before any scaling; absent in reports of older versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub moments: Option<Moments>,
}

/// The sums that the exact distance of a layer is made of, in the units of the states.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// `||mu_v||^2`.
    pub mean_vision: f64,
    /// `||mu_t||^2`.
    pub mean_text: f64,
    /// `mu_v . mu_t`.
    pub mean_product: f64,
    /// `Tr S_v`.
    pub trace_vision: f64,
    /// `Tr S_t`.
    pub trace_text: f64,
    /// `Tr (S_v S_t)^(1/2)`.
    pub trace_root: f64,
}

impl Moments {
    /// Location, spread and shape of the exact distance if all vision tokens were multiplied by `vision`
    /// and all text tokens by `text`.
    pub fn parts(&self, vision: f64, text: f64) -> [f64; 3] {
        let product = vision * text;
        let location = vision * vision * self.mean_vision + text * text * self.mean_text
            - 2.0 * product * self.mean_product;
        let (wide, narrow) = (self.trace_vision.sqrt(), self.trace_text.sqrt());
        let spread = (vision * wide - text * narrow).powi(2);
        let shape = 2.0 * product * (wide * narrow - self.trace_root);
        // Never negative; rounding may say otherwise.
        [location.max(0.0), spread, shape.max(0.0)]
    }

    /// The exact distance if all vision tokens were multiplied by `scale`, with the text's mean norm
    /// scaled to 1.
    ///
    /// From the definition: every term is a polynomial in `scale`, the text's mean norm does not
    /// change, and the outlier rule does not depend on the scale.
    pub fn frechet_scaled(&self, scale: f64, mean_norm_text: f64) -> f64 {
        let location =
            scale * scale * self.mean_vision - 2.0 * scale * self.mean_product + self.mean_text;
        let rest =
            scale * scale * self.trace_vision + self.trace_text - 2.0 * scale * self.trace_root;
        // Never negative; rounding may say otherwise.
        (location.max(0.0) + rest.max(0.0)) / (mean_norm_text * mean_norm_text)
    }
}

impl LayerReport {
    /// Mean vision norm over mean text norm; absent where the text has none.
    pub fn norm_ratio(&self) -> Option<f64> {
        (self.mean_norm_text > 0.0).then(|| self.mean_norm_vision / self.mean_norm_text)
    }
}

impl Report {
    /// The sum of the layers' `frechet`, of which the MIR is the decadic logarithm.
    pub fn sum(&self) -> f64 {
        self.layers.iter().map(|layer| layer.frechet).sum()
    }

    /// A layer's share of [`Report::sum`], 0 to 1; absent where the sum is not positive or a term
    /// is negative, so that shares would mislead.
    pub fn share(&self, layer: &LayerReport) -> Option<f64> {
        let sum = self.sum();
        let honest = sum > 0.0 && self.layers.iter().all(|layer| layer.frechet >= 0.0);
        honest.then(|| layer.frechet / sum)
    }

    /// The MIR when nothing is subtracted for the cross-covariance, the upper end of the bracket of
    /// [`Definition::OfficialFast`]; absent with the other definitions.
    pub fn mir_upper(&self) -> Option<f64> {
        let sum: f64 = self
            .layers
            .iter()
            .map(|layer| layer.frechet_upper)
            .sum::<Option<f64>>()?;
        (sum > 0.0).then(|| sum.log10())
    }

    /// Why there is no MIR; absent where there is one.
    pub fn undefined_because(&self) -> Option<String> {
        if self.mir.is_some() {
            return None;
        }
        let sum = self.sum();
        Some(match self.definition {
            _ if self.layers.is_empty() => "there is no layer to sum over".to_owned(),
            Definition::OfficialFast => format!(
                "the sum over the layers is {sum:.4e}, and log10 needs a positive one; \
                 official-fast subtracts 2 Tr(S_v S_t), which nothing bounds"
            ),
            Definition::Exact | Definition::OfficialAccurate => format!(
                "the sum over the layers is {sum:.4e}, and log10 needs a positive one: the two \
                 modalities coincide"
            ),
        })
    }

    /// Tokens per dimension of the modality that has fewer.
    pub fn tokens_per_dimension(&self) -> f64 {
        let (vision, text) = self.tokens();
        vision.min(text) as f64 / self.model.hidden_size.max(1) as f64
    }

    /// Whether the tokens are so few that the distance is visibly biased upward.
    pub fn has_few_tokens(&self) -> bool {
        const ENOUGH_PER_DIMENSION: f64 = 10.0;
        self.tokens_per_dimension() < ENOUGH_PER_DIMENSION
    }

    /// Number of vision and of text tokens, as measured at the first layer.
    pub fn tokens(&self) -> (usize, usize) {
        self.layers
            .first()
            .map_or((0, 0), |layer| (layer.n_vision, layer.n_text))
    }
}
