//! One quantity of a report: what it is called, what it says and does not say, and its values.

use serde::{Deserialize, Serialize};

use super::{Definition, LayerReport, Report};
use crate::words::grouped;

/// A quantity computed of the captured states, overall and state by state.
///
/// It describes itself, so that tables, figures and the app show it without knowing it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricReport {
    /// What programs call it, for example `chamfer-cosine`.
    pub id: String,
    /// What a reader sees, for example `Chamfer distance by cosine`.
    pub label: String,
    /// What it is and where its limits lie, in a sentence or two.
    pub about: String,
    /// The overall value; absent where it is undefined.
    pub value: Option<f64>,
    /// A 95 % interval over pairs, lower and upper end; absent where none can be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// Derivatives of the overall value by the weight of each pair, in the pairs' order: what a paired comparison of
    /// two runs on the same pairs is made of. Empty where intervals were not computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_pair: Vec<f64>,
    /// The values of the single states, in the order of the layers.
    pub per_state: Vec<StateValue>,
    /// Of how many tokens or pairs, for example `100 pairs`.
    pub basis: String,
}

/// A quantity at one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateValue {
    /// The captured state, as in [`LayerReport::state`].
    pub state: String,
    /// The value; absent where it is undefined at this state.
    pub value: Option<f64>,
    /// A 95 % interval over pairs; absent where none can be given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
}

impl MetricReport {
    /// The value at a state.
    pub fn at(&self, state: &str) -> Option<f64> {
        let mut values = self.per_state.iter();
        values.find(|it| it.state == state)?.value
    }
}

/// Quantities that tables, figures and the app show in places of their own.
const ELSEWHERE: [&str; 2] = ["mir", "norm-matched-mir"];

impl Report {
    /// Every quantity but the two rates, in the report's order.
    pub fn other_metrics(&self) -> impl Iterator<Item = &MetricReport> {
        let metrics = self.metrics.iter();
        metrics.filter(|metric| !ELSEWHERE.contains(&metric.id.as_str()))
    }

    /// The 95 % interval over pairs of the quantity that programs call `id`, where there is one.
    pub fn interval(&self, id: &str) -> Option<[f64; 2]> {
        self.metric(id)?.interval
    }

    /// The distances of the layers with their intervals.
    pub fn distances(&self) -> &[StateValue] {
        self.metric("mir").map_or(&[], |metric| &metric.per_state)
    }

    /// The quantity that programs call `id`.
    pub fn metric(&self, id: &str) -> Option<&MetricReport> {
        self.metrics.iter().find(|metric| metric.id == id)
    }
}

/// What a quantity of single tokens says that it is computed of.
pub(crate) fn basis_of_tokens(tokens: [usize; 2]) -> String {
    let [vision, text] = tokens.map(|count| grouped(count as u64));
    format!("{vision} vision and {text} text tokens")
}

/// The quantities that follow from the layers of a report alone: the rate itself, norm-matched, the norm ratio and
/// what is left of the distance once the means coincide.
pub fn of_layers(definition: Definition, layers: &[LayerReport]) -> Vec<MetricReport> {
    let tokens = layers.first().map_or([0; 2], |it| [it.n_vision, it.n_text]);
    let basis = basis_of_tokens(tokens);
    let logarithm = |values: &[f64]| {
        let sum: f64 = values.iter().sum();
        (sum > 0.0).then(|| sum.log10())
    };
    let entry =
        |id: &str, label: &str, about: &str, value, of: &dyn Fn(&LayerReport) -> Option<f64>| {
            MetricReport {
                id: id.to_owned(),
                label: label.to_owned(),
                about: about.to_owned(),
                value,
                interval: None,
                by_pair: Vec::new(),
                per_state: (layers.iter())
                    .map(|layer| StateValue {
                        state: layer.state.clone(),
                        value: of(layer),
                        interval: None,
                    })
                    .collect(),
                basis: basis.clone(),
            }
        };
    let each = |of: fn(&LayerReport) -> f64| layers.iter().map(of).collect::<Vec<f64>>();
    let ratios: Option<Vec<f64>> = layers.iter().map(LayerReport::norm_ratio).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let gap = |layer: &LayerReport| layer.spread + layer.shape;
    let mut all = vec![
        entry(
            "mir",
            "Modality Integration Rate",
            "log10 of the sum of the layers' Fréchet distances, the text's mean norm scaled to 1 (arXiv \
             2410.07167); per layer the distance. Lower is nearer to the words, which is no evidence that the \
             picture is used.",
            logarithm(&each(|layer| layer.frechet)),
            &|layer| Some(layer.frechet),
        ),
        entry(
            "norm-matched-mir",
            "MIR, norm-matched",
            "The same with both modalities scaled to mean norm 1, so that the length of the vision tokens drops \
             out.",
            logarithm(&each(|layer| layer.frechet_norm_matched)),
            &|layer| Some(layer.frechet_norm_matched),
        ),
        entry(
            "norm-ratio",
            "norm ratio, vision over text",
            "Mean length of the vision tokens over that of the text tokens; overall the mean over the layers. A \
             few very long tokens move it.",
            ratios
                .filter(|ratios| !ratios.is_empty())
                .map(|ratios| mean(&ratios)),
            &LayerReport::norm_ratio,
        ),
    ];
    // Spread and shape are parts of the exact distance only.
    if definition != Definition::OfficialFast {
        let gaps: Vec<f64> = layers.iter().map(gap).collect();
        all.push(entry(
            "distribution-gap",
            "distribution gap",
            "What is left of the Fréchet distance once the means coincide: spread and shape; overall log10 of \
             the sum. arXiv 2604.00279 reports that this part, not the gap of the means, follows cross-modal \
             quality in models like CLIP.",
            logarithm(&gaps),
            &|layer| Some(gap(layer)),
        ));
    }
    all
}
