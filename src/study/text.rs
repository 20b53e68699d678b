//! The results as a Markdown page.

use super::{
    Claim, Measured, Metric, Over, StudyAxis, StudyResults, VERDICT_RULE, Variant, Verdict,
    sentences,
};
use crate::{
    report::markdown::{cell, row},
    words::counted,
};

/// Columns of the tables before the few-shot scores.
const METRICS: [Metric; 8] = [
    Metric::Mir,
    Metric::MirOfficial,
    Metric::NormMatchedMir,
    Metric::Choice,
    Metric::ChoiceBlank,
    Metric::ChoiceSwapped,
    Metric::CaptionLoss,
    Metric::TextPerplexity,
];

/// The results as a page: what they say, a table for each axis, the claims with their verdicts, the
/// correlations, and how everything was measured. `figures` are paths of pictures and what they show.
pub fn study_markdown(results: &StudyResults, figures: &[(String, String)]) -> String {
    let mut page = String::from("# What moves MIR?\n\n");
    page += "Written by `mirscope study`; every number on this page comes from `variants.json` and \
             from measuring the checkpoints beside it.\n\n";
    for sentence in sentences(results) {
        page += &format!("- {sentence}\n");
    }
    page += &legend(results);
    for axis in &results.study.axes {
        page += &section(results, axis);
    }
    page += &claims(results);
    page += &correlations(results);
    page += &quantities(results);
    page += &noise(results);
    page += &origin(results);
    if !figures.is_empty() {
        page += "\n## Figures\n\n";
        for (path, words) in figures {
            page += &format!("![{}]({path})\n\n", cell(words));
        }
    }
    page.trim_end().to_owned() + "\n"
}

fn legend(results: &StudyResults) -> String {
    let chance = results.study.chance;
    let after = results.study.chance_after_examples();
    format!(
        "\nMIR: lower is nearer to the words; it compares the ends of equally long trainings. `official` is its definition `official-accurate`. Score: right \
         answers to questions about scenes never trained on, with a 95 % interval; chance is {} (every \
         answer alike) or {} (always the most frequent one of the question's kind). 2-shot: after two examples, of fewer \
         questions; chance is {} or {}. Blanked, swapped: the same without the \
         image, and with another scene's. Loss and perplexity: lower is better. n/d: vision tokens measured \
         over the width of the states; a MIR at fewer of them is biased upward.\n",
        Metric::Choice.text(chance.uniform),
        Metric::Choice.text(chance.majority),
        Metric::Choice.text(after.uniform),
        Metric::Choice.text(after.majority)
    )
}

fn section(results: &StudyResults, axis: &StudyAxis) -> String {
    let mut text = format!("\n## {}\n\n{}", axis.title, axis.explains);
    if !axis.source.is_empty() {
        text += &format!(" Varied in {}.", axis.source);
    }
    text += "\n\n";
    let shots = results.shots().into_iter().map(Metric::FewShot);
    let metrics: Vec<Metric> = METRICS.into_iter().chain(shots).collect();
    let titles = metrics.iter().map(|metric| match metric {
        Metric::MirOfficial => "official".to_owned(),
        Metric::NormMatchedMir => "norm-matched".to_owned(),
        Metric::ChoiceBlank => "blanked".to_owned(),
        Metric::ChoiceSwapped => "swapped".to_owned(),
        Metric::FewShot(shots) => format!("{shots}-shot"),
        other => other.title(),
    });
    let titles: Vec<String> = ["setting".to_owned(), "seed".to_owned()]
        .into_iter()
        .chain(titles)
        .chain(["tokens", "n/d", "pairs"].map(str::to_owned))
        .collect();
    text += &row(titles.iter().cloned());
    let left = ["---", "---:"].map(str::to_owned).into_iter();
    text += &row(left.chain(vec!["---:".to_owned(); titles.len() - 2]));
    for setting in results.study.settings(axis) {
        let replicates = results.study.replicates(&setting.name);
        for variant in std::iter::once(setting).chain(replicates) {
            text += &variant_row(results, variant, &metrics);
        }
    }
    for setting in results.study.settings(axis) {
        if let Some(note) = &setting.note {
            text += &format!("\n{}: {note}\n", setting.quoted());
        }
    }
    text
}

fn variant_row(results: &StudyResults, variant: &Variant, metrics: &[Metric]) -> String {
    let label = cell(&variant.label);
    let values = metrics.iter().map(|metric| {
        let value = metric.value(results, variant);
        let text = value.map_or_else(|| "-".to_owned(), |value| metric.text(value));
        match (metric, metric.score(variant)) {
            (Metric::Choice, Some(score)) => {
                format!(
                    "{text} ({:.1} to {:.1})",
                    100.0 * score.low,
                    100.0 * score.high
                )
            }
            _ => text,
        }
    });
    let measured = results.measured.get(&variant.name);
    let share = measured.map(Measured::tokens_per_dimension);
    let ends = [
        variant.image_tokens.to_string(),
        share.map_or_else(|| "-".to_owned(), |share| format!("{share:.1}")),
        variant.samples.to_string(),
    ];
    row([label, variant.seed.to_string()]
        .into_iter()
        .chain(values)
        .chain(ends))
}

fn claims(results: &StudyResults) -> String {
    if results.study.claims.is_empty() {
        return String::new();
    }
    let mut text = format!("\n## Claims\n\n{VERDICT_RULE}\n\n");
    text += &row([
        "claim",
        "source",
        "verdict",
        "metric",
        "first",
        "last",
        "change",
        "noise",
        "rank correlation",
        "other seeds",
        "note",
    ]
    .map(str::to_owned));
    text += &row([
        "---", "---", "---", "---", "---:", "---:", "---:", "---:", "---", "---", "---",
    ]
    .map(str::to_owned));
    for (claim, verdict) in results.study.claims.iter().zip(&results.verdicts) {
        text += &claim_row(claim, verdict);
    }
    text
}

fn claim_row(claim: &Claim, verdict: &Verdict) -> String {
    let metric = Metric::parse(&claim.metric);
    let value = |value: Option<f64>| match (&metric, value) {
        (Some(metric), Some(value)) => metric.text(value),
        _ => "-".to_owned(),
    };
    let difference = |value: Option<f64>| match (&metric, value) {
        (Some(metric), Some(value)) => metric.difference(value),
        _ => "-".to_owned(),
    };
    let seeds = metric.as_ref().map_or_else(Vec::new, |metric| {
        let seeds = verdict.seeds.iter();
        seeds.map(|seed| seed.words(metric)).collect()
    });
    // A threshold has no direction.
    let noise = difference(verdict.noise).replace('+', "\u{b1}");
    row([
        cell(&claim.statement),
        cell(claim.origin()),
        format!("**{}**", verdict.outcome.words()),
        metric
            .as_ref()
            .map_or_else(|| cell(&claim.metric), Metric::title),
        value(verdict.ends.map(|[first, _]| first)),
        value(verdict.ends.map(|[_, last]| last)),
        difference(verdict.change()),
        noise,
        verdict.rank.words(),
        seeds.join("; "),
        cell(verdict.note.as_deref().unwrap_or_default()),
    ])
}

fn correlations(results: &StudyResults) -> String {
    let mut text = "\n## Rank correlations\n\nSpearman's rho with average ranks for ties, over one training a \
                    setting. Up to 8 settings: the share of all orders that correlate at least as \
                    strongly. From 9: the middle 95 % of 2000 resamples of the settings, seed 1. Settings that can be \
                    compared have as many vision tokens as the base; of the one long pre-training they have \
                    the end alone.\n\n"
        .to_owned();
    text += &row(["over", "of", "with", "Spearman"].map(str::to_owned));
    text += &row(vec!["---".to_owned(); 4]);
    for found in &results.correlations {
        let over = match &found.over {
            Over::All => "all settings",
            Over::Comparable => "settings that can be compared",
            Over::Axis(name) => results.study.axis(name).map_or(name, |axis| &axis.title),
        };
        // Those of quantities stand in a table of their own.
        let metrics = [&found.x, &found.y].map(|name| Metric::parse(name));
        if metrics
            .iter()
            .flatten()
            .any(|it| matches!(it, Metric::Quantity(_)))
        {
            continue;
        }
        let [of, with] =
            [(&metrics[0], &found.x), (&metrics[1], &found.y)].map(|(metric, name)| {
                let title = metric.as_ref().map(|metric| results.title(metric));
                title.unwrap_or_else(|| name.clone())
            });
        text += &row([cell(over), of, with, found.rank.words()]);
    }
    text
}

/// How the score goes with every quantity.
fn quantities(results: &StudyResults) -> String {
    let comparable = results.with_score(&Over::Comparable);
    if comparable.is_empty() {
        return String::new();
    }
    let all = results.with_score(&Over::All);
    let mut text = "\n## What the score goes with\n\nThe rank correlation of the score with every quantity of a report, \
                    over the settings that can be compared, strongest first; beside it the same over all settings. In \
                    brackets what chance leaves open, as above. A direction is named where no correlation as strong \
                    comes about by chance more often than once in 20 times; of so many quantities one in 20 passes \
                    that by chance alone. n: settings that have the quantity and a score.\n\n"
        .to_owned();
    text += &row([
        "quantity",
        "Spearman",
        "Kendall",
        "n",
        "direction",
        "Spearman, all settings",
        "n",
    ]
    .map(str::to_owned));
    text += &row(["---", "---", "---", "---:", "---", "---", "---:"].map(str::to_owned));
    for found in &comparable {
        let [spearman, kendall] = found.coefficients();
        let of_all = all.iter().find(|it| it.id == found.id);
        text += &row([
            cell(found.label),
            spearman,
            kendall,
            found.rank.n.to_string(),
            found.direction().to_owned(),
            of_all.map_or_else(|| "-".to_owned(), |it| it.coefficients()[0].clone()),
            of_all.map_or_else(|| "-".to_owned(), |it| it.rank.n.to_string()),
        ]);
    }
    text
}

fn noise(results: &StudyResults) -> String {
    let mut text = "\n## Noise between seeds\n\n".to_owned();
    if results.noise.is_empty() {
        return text + "No setting was trained from two seeds.\n";
    }
    text += &row([
        "metric",
        "standard deviation",
        "noise of a difference",
        "degrees of freedom",
        "settings",
        "trainings",
    ]
    .map(str::to_owned));
    text += &row(["---", "---:", "---:", "---:", "---:", "---:"].map(str::to_owned));
    for noise in &results.noise {
        let Some(metric) = Metric::parse(&noise.metric) else {
            continue;
        };
        let plain = |value: f64| metric.difference(value).replace('+', "");
        text += &row([
            cell(&results.title(&metric)),
            plain(noise.deviation),
            plain(noise.threshold()),
            noise.freedom().to_string(),
            noise.settings.to_string(),
            noise.runs.to_string(),
        ]);
    }
    text
}

fn origin(results: &StudyResults) -> String {
    let settings = results.settings;
    format!(
        "\n## How it was measured\n\nmirscope {}, definitions exact and official-accurate, text mask {}, at \
         most {} of `{}`, seed {}. Device: {}.\n",
        results.mirscope_version,
        settings.text_mask,
        counted(settings.num_pairs, "pair"),
        results.study.pairs,
        settings.seed,
        results.devices().join("; ")
    )
}
