//! The variants as comma-separated values.

use super::{Metric, StudyResults, Variant};
use crate::report::csv::quoted;

/// The variants, one a line under a line of field names (RFC 4180, with `\n` line ends).
///
/// Numbers are written so that reading them gives the same bits; what is absent is empty. Scores have
/// their 95 % interval beside them. Claims and correlations are not in it: keep the JSON beside it.
pub fn study_csv(results: &StudyResults) -> String {
    let mut metrics = vec![
        Metric::Mir,
        Metric::MirOfficial,
        Metric::NormMatchedMir,
        Metric::NormRatio,
        Metric::Choice,
        Metric::ChoiceBlank,
        Metric::ChoiceSwapped,
        Metric::CaptionLoss,
        Metric::TextPerplexity,
    ];
    let kinds = results.study.kinds.iter().cloned();
    metrics.extend(kinds.map(Metric::ChoiceKind));
    metrics.extend(results.shots().into_iter().map(Metric::FewShot));
    let depth = results.depth();
    let mut header: Vec<String> = [
        "name",
        "axis",
        "label",
        "value",
        "seed",
        "replicate_of",
        "samples",
        "seconds",
        "parameters_trained",
        "image_tokens",
        "num_pairs",
        "n_vision",
        "n_text",
    ]
    .map(str::to_owned)
    .into();
    for metric in &metrics {
        let name = metric.name();
        header.push(name.clone());
        if has_interval(metric) {
            header.extend([format!("{name}_low"), format!("{name}_high")]);
        }
    }
    header.extend((1..=depth).map(|layer| format!("frechet_{layer}")));
    header.push("note".to_owned());
    let mut text = header.join(",") + "\n";
    for variant in &results.study.variants {
        text += &line(results, variant, &metrics, depth);
        text.push('\n');
    }
    text
}

/// Whether a metric comes from the recipe, with an interval.
fn has_interval(metric: &Metric) -> bool {
    !matches!(
        metric,
        Metric::Mir | Metric::MirOfficial | Metric::NormMatchedMir | Metric::NormRatio
    )
}

fn line(results: &StudyResults, variant: &Variant, metrics: &[Metric], depth: usize) -> String {
    let measured = results.measured.get(&variant.name);
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    let count = |value: Option<usize>| value.map_or_else(String::new, |value| value.to_string());
    let mut cells = vec![
        quoted(&variant.name),
        quoted(&variant.axis),
        quoted(&variant.label),
        number(variant.value),
        variant.seed.to_string(),
        quoted(variant.replicate_of.as_deref().unwrap_or_default()),
        variant.samples.to_string(),
        number(variant.seconds),
        variant.parameters_trained.to_string(),
        variant.image_tokens.to_string(),
        count(measured.map(|measured| measured.num_pairs)),
        count(measured.map(|measured| measured.n_vision)),
        count(measured.map(|measured| measured.n_text)),
    ];
    for metric in metrics {
        cells.push(number(metric.value(results, variant)));
        if has_interval(metric) {
            let score = metric.score(variant);
            cells.push(number(score.map(|score| score.low)));
            cells.push(number(score.map(|score| score.high)));
        }
    }
    let layers = measured.map_or(&[][..], |measured| &measured.layers);
    cells.extend((0..depth).map(|layer| number(layers.get(layer).map(|layer| layer.frechet))));
    cells.push(quoted(variant.note.as_deref().unwrap_or_default()));
    cells.join(",")
}
