//! The variants as comma-separated values.

use super::{Certainty, Metric, Over, StudyResults, Variant};
use crate::report::csv::quoted;

/// The variants, one a line under a line of field names (RFC 4180, with `\n` line ends).
///
/// Numbers are written so that reading them gives the same bits; what is absent is empty. Scores have
/// their 95 % interval beside them, and so have quantities where any variant has one. Correlations are those of
/// [`correlations_csv`]; claims are in neither: keep the JSON beside it.
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
    let quantities = results.quantities().into_iter();
    metrics.extend(quantities.map(|it| Metric::Quantity(it.id.clone())));
    let metrics: Vec<(Metric, bool)> = (metrics.into_iter())
        .map(|metric| {
            let mut variants = results.study.variants.iter();
            let has = variants.any(|variant| ends(results, variant, &metric).is_some());
            let has = has || !metric.is_measured();
            (metric, has)
        })
        .collect();
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
    for (metric, has_ends) in &metrics {
        let name = metric.name().replace('-', "_");
        header.push(name.clone());
        if *has_ends {
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

/// The 95 % interval of a variant's value.
fn ends(results: &StudyResults, variant: &Variant, metric: &Metric) -> Option<[f64; 2]> {
    match metric {
        Metric::Quantity(id) => {
            let measured = results.measured.get(&variant.name)?;
            measured.quantity(id)?.interval
        }
        _ => metric.score(variant).map(|score| [score.low, score.high]),
    }
}

/// Every rank correlation, one a line: Spearman's and Kendall's, each with its share of all orders or its interval
/// over resampled settings.
pub fn correlations_csv(results: &StudyResults) -> String {
    let mut text =
        "over,of,with,n,spearman,spearman_p,spearman_low,spearman_high,kendall,kendall_p,\
                    kendall_low,kendall_high\n"
            .to_owned();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for found in &results.correlations {
        let over = match &found.over {
            Over::All => "all",
            Over::Comparable => "comparable",
            Over::Axis(name) => name,
        };
        let mut cells = vec![
            quoted(over),
            quoted(&found.x),
            quoted(&found.y),
            found.rank.n.to_string(),
        ];
        let kendall = found.kendall.map(|it| (it.tau, it.certainty));
        for (value, certainty) in [
            (found.rank.rho, found.rank.certainty),
            kendall.unwrap_or((None, Certainty::Unknown)),
        ] {
            let sure = match certainty {
                Certainty::ExactP { p } => [Some(p), None, None],
                Certainty::Bootstrap { low, high } => [None, Some(low), Some(high)],
                Certainty::Unknown => [None; 3],
            };
            cells.push(number(value));
            cells.extend(sure.map(number));
        }
        text += &(cells.join(",") + "\n");
    }
    text
}

fn line(
    results: &StudyResults,
    variant: &Variant,
    metrics: &[(Metric, bool)],
    depth: usize,
) -> String {
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
    for (metric, has_ends) in metrics {
        cells.push(number(metric.value(results, variant)));
        if *has_ends {
            let [low, high] = ends(results, variant, metric).map_or([None; 2], |it| it.map(Some));
            cells.extend([number(low), number(high)]);
        }
    }
    let layers = measured.map_or(&[][..], |measured| &measured.layers);
    cells.extend((0..depth).map(|layer| number(layers.get(layer).map(|layer| layer.frechet))));
    cells.push(quoted(variant.note.as_deref().unwrap_or_default()));
    cells.join(",")
}
