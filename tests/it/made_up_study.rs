//! A study that nobody trained: settings and numbers as a recipe might write them.

use std::collections::BTreeMap;

use mirscope::study::{
    Chance, Claim, Measured, MeasuredLayer, MeasuredQuantity, STUDY_SCHEMA, Score, Scores, Study,
    StudyAxis, StudyResults, StudySettings, Variant,
};

/// Axis, label, MIR, score and further seeds of a made-up variant, by its name.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    f64,
    f64,
    &'static [u64],
);

const ROWS: [Row; 27] = [
    ("base", "seed", "base", 0.82, 0.74, &[2, 3]),
    ("samples-0", "samples", "untrained", 1.71, 0.31, &[]),
    ("samples-500", "samples", "500 pairs", 1.42, 0.36, &[]),
    ("samples-1000", "samples", "1000 pairs", 1.21, 0.45, &[]),
    ("samples-2000", "samples", "2000 pairs", 1.04, 0.55, &[]),
    ("samples-4000", "samples", "4000 pairs", 0.95, 0.64, &[]),
    ("samples-8000", "samples", "8000 pairs", 0.86, 0.71, &[]),
    ("samples-32000", "samples", "32000 pairs", 0.80, 0.78, &[]),
    (
        "texts-shuffled",
        "texts",
        "shuffled captions",
        0.91,
        0.30,
        &[2],
    ),
    ("texts-short", "texts", "names only", 0.97, 0.52, &[]),
    (
        "texts-medium",
        "texts",
        "names, number, background",
        0.88,
        0.66,
        &[],
    ),
    ("texts-long", "texts", "all and positions", 0.84, 0.72, &[]),
    ("lr-2e-4", "learning_rate", "2e-4", 0.78, 0.55, &[]),
    ("lr-6e-4", "learning_rate", "6e-4", 0.80, 0.69, &[2]),
    ("lr-6e-3", "learning_rate", "6e-3", 0.93, 0.70, &[]),
    ("linear", "connector", "linear, 64", 0.87, 0.68, &[]),
    ("mlp4", "connector", "4-layer MLP, 64", 0.90, 0.71, &[]),
    (
        "average-16",
        "connector",
        "average pooling, 16",
        0.86,
        0.58,
        &[2],
    ),
    (
        "attention-16",
        "connector",
        "attention pooling, 16",
        1.10,
        0.41,
        &[],
    ),
    (
        "c-abstractor-16",
        "connector",
        "C-Abstractor, 16",
        0.99,
        0.60,
        &[],
    ),
    (
        "shuffle-16",
        "connector",
        "pixel shuffle + linear, 16",
        0.89,
        0.61,
        &[],
    ),
    (
        "average-4",
        "tokens",
        "4 tokens, average pooling",
        0.98,
        0.42,
        &[],
    ),
    (
        "unfrozen-half",
        "unfrozen",
        "upper half of the decoder",
        0.71,
        0.79,
        &[],
    ),
    (
        "unfrozen-all",
        "unfrozen",
        "whole decoder",
        0.66,
        0.83,
        &[2],
    ),
    ("moca", "moca", "MoCa on", 0.69, 0.74, &[2]),
    (
        "mix-separate",
        "mix",
        "the same as separate pairs",
        0.74,
        0.70,
        &[],
    ),
    ("mix-interleaved", "mix", "interleaved", 0.70, 0.71, &[2]),
];

/// Name, title, whether ordered, variants.
type AxisRow = (&'static str, &'static str, bool, &'static [&'static str]);

const AXES: [AxisRow; 9] = [
    (
        "samples",
        "Pre-training amount",
        true,
        &[
            "samples-0",
            "samples-500",
            "samples-1000",
            "samples-2000",
            "samples-4000",
            "samples-8000",
            "samples-32000",
        ],
    ),
    (
        "texts",
        "Data quality",
        false,
        &[
            "base",
            "texts-shuffled",
            "texts-shuffled-seed2",
            "texts-short",
            "texts-medium",
            "texts-long",
        ],
    ),
    (
        "learning_rate",
        "Learning rate",
        true,
        &["lr-2e-4", "lr-6e-4", "base", "lr-6e-3"],
    ),
    (
        "connector",
        "Connector",
        false,
        &[
            "base",
            "linear",
            "mlp4",
            "average-16",
            "attention-16",
            "c-abstractor-16",
            "shuffle-16",
        ],
    ),
    (
        "tokens",
        "Image tokens and resolution",
        false,
        &["base", "average-16", "average-4"],
    ),
    (
        "unfrozen",
        "What is unfrozen",
        false,
        &["base", "unfrozen-half", "unfrozen-all"],
    ),
    (
        "mix",
        "Data mix",
        false,
        &["mix-separate", "mix-interleaved"],
    ),
    ("moca", "MoCa", false, &["base", "moca"]),
    (
        "seed",
        "Seeds",
        false,
        &["base", "base-seed2", "base-seed3"],
    ),
];

/// Id, statement, metric, expectation, variants.
type ClaimRow = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
);

const CLAIMS: [ClaimRow; 8] = [
    (
        "samples-mir",
        "More pre-training lowers MIR",
        "mir",
        "decreasing",
        AXES[0].3,
    ),
    (
        "samples-score",
        "Along pre-training, MIR falls as the score rises",
        "mir",
        "falls_with:choice",
        AXES[0].3,
    ),
    (
        "shuffled-mir",
        "Mismatched texts raise MIR",
        "mir",
        "increasing",
        &["base", "texts-shuffled"],
    ),
    (
        "rate-mir",
        "A higher learning rate raises MIR",
        "mir",
        "decreasing",
        AXES[2].3,
    ),
    (
        "moca-score",
        "MoCa raises the score",
        "choice",
        "increasing",
        &["base", "moca"],
    ),
    (
        "type-score",
        "The connector's type hardly changes the score",
        "choice",
        "same",
        &["average-16", "shuffle-16"],
    ),
    (
        "forgetting",
        "Training the decoder on image data alone makes it forget text",
        "text_perplexity",
        "increasing",
        &["base", "mix-interleaved"],
    ),
    (
        "chamfer",
        "Unfreezing the decoder aligns its deep layers",
        "chamfer_deep",
        "increasing",
        &["base", "unfrozen-all"],
    ),
];

fn score(value: f64, half: f64) -> Option<Score> {
    Some(Score {
        value,
        low: value - half,
        high: value + half,
    })
}

/// A quantity that mirscope does not know.
pub const NEW_QUANTITY: &str = "what nobody has thought of yet";
const NEW: [f64; 7] = [3.0, -1.5, 0.25, 12.0, 3.0, 7.5, -4.0];

fn variant(row: &Row, seed: u64) -> (Variant, Measured) {
    let (name, axis, label, mir, choice, _) = *row;
    let again = seed > 1;
    // Seeds differ a little, in a way of their own each.
    let wobble = if again {
        0.01 * (1.0 + seed as f64) * if name.len() % 2 == 0 { 1.0 } else { -1.0 }
    } else {
        0.0
    };
    let (mir, choice) = (mir + wobble, choice - 0.4 * wobble);
    let samples = name
        .strip_prefix("samples-")
        .map_or(8000, |number| number.parse().unwrap());
    let few_shot = name == "base" || name.starts_with("mix");
    let variant = Variant {
        name: if again {
            format!("{name}-seed{seed}")
        } else {
            name.to_owned()
        },
        axis: axis.to_owned(),
        label: if again {
            format!("{label} (seed {seed})")
        } else {
            label.to_owned()
        },
        value: None,
        seed,
        replicate_of: again.then(|| name.to_owned()),
        left_out: false,
        folder: name.to_owned(),
        documents: None,
        samples,
        seconds: Some(120.0),
        parameters_trained: 33_000,
        image_tokens: if label.ends_with("16") { 16 } else { 64 },
        note: name
            .contains("shuffled")
            .then(|| "every picture has another picture's texts".to_owned()),
        scores: Scores {
            choice: score(choice, 0.03),
            choice_blank: score(0.30 + 0.05 * choice, 0.02),
            choice_swapped: score(0.28 + 0.05 * choice, 0.02),
            choice_kinds: BTreeMap::from([("colour".to_owned(), score(choice, 0.05).unwrap())]),
            caption_loss: score(2.4 - 2.0 * choice, 0.04),
            text_perplexity: score(if axis == "mix" { 9.5 } else { 4.1 } + wobble, 0.2),
            few_shot: match few_shot {
                true => ["0", "2"]
                    .map(|shots| (shots.to_owned(), score(choice - 0.3, 0.04).unwrap()))
                    .into(),
                false => BTreeMap::new(),
            },
        },
    };
    let total = 10f64.powf(mir);
    let shares = [0.06, 0.09, 0.13, 0.18, 0.24, 0.30];
    let layers = shares.map(|share| MeasuredLayer {
        frechet: total * share,
        location: 0.5 * total * share,
        spread: 0.1 * total * share,
        shape: 0.4 * total * share,
        norm_ratio: Some(1.0 + 0.2 * share),
    });
    let quantity = |id: &str, label: &str, value: f64, half: Option<f64>| MeasuredQuantity {
        id: id.to_owned(),
        label: label.to_owned(),
        value: Some(value),
        interval: half.map(|half| [value - half, value + half]),
    };
    let measured = Measured {
        quantities: vec![
            quantity("mir", "Modality Integration Rate", mir, Some(0.04)),
            quantity(
                "linear-cka",
                "linear CKA, unbiased",
                0.1 + 0.8 * choice,
                None,
            ),
            quantity(
                "brand-new",
                NEW_QUANTITY,
                NEW[name.len() % NEW.len()],
                Some(0.5),
            ),
        ],
        fingerprint: "made up".to_owned(),
        mir: Some(mir),
        mir_official: Some(mir + 0.02),
        norm_matched_mir: Some(mir - 0.03),
        layers: layers.into(),
        num_pairs: 100,
        n_vision: 6400,
        n_text: 3600,
        hidden_size: 128,
        parameters: 2_600_000,
        device: "made-up adapter (vulkan, cpu)".to_owned(),
        notes: Vec::new(),
    };
    (variant, measured)
}

/// The study, without what was measured.
pub fn study() -> Study {
    let seeds = |row: &'static Row| std::iter::once(1).chain(row.5.iter().copied());
    Study {
        schema: STUDY_SCHEMA,
        base: "base".to_owned(),
        pairs: "pairs.jsonl".to_owned(),
        kinds: vec!["colour".to_owned()],
        chance: Chance {
            uniform: 0.27,
            majority: 0.31,
        },
        few_shot_chance: None,
        variants: (ROWS.iter())
            .flat_map(|row| seeds(row).map(move |seed| variant(row, seed).0))
            .collect(),
        axes: AXES
            .map(|(name, title, ordered, variants)| StudyAxis {
                name: name.to_owned(),
                title: title.to_owned(),
                source: "MIR (arXiv 2410.07167)".to_owned(),
                explains: "What is varied here, in one sentence of the recipe.".to_owned(),
                ordered,
                variants: variants.iter().map(|name| (*name).to_owned()).collect(),
            })
            .into(),
        claims: CLAIMS
            .map(|(id, statement, metric, expect, variants)| Claim {
                id: id.to_owned(),
                source: "MIR (arXiv 2410.07167)".to_owned(),
                statement: statement.to_owned(),
                metric: metric.to_owned(),
                expect: expect.to_owned(),
                variants: variants.iter().map(|name| (*name).to_owned()).collect(),
            })
            .into(),
        control: Some("texts-shuffled".to_owned()),
    }
}

/// What was measured of each variant, by its name.
pub fn measured() -> BTreeMap<String, Measured> {
    let mut measured = BTreeMap::new();
    for row in &ROWS {
        for seed in std::iter::once(1).chain(row.5.iter().copied()) {
            let (variant, found) = variant(row, seed);
            measured.insert(variant.name, found);
        }
    }
    measured
}

/// The study with all of it measured and judged.
pub fn results() -> StudyResults {
    StudyResults::new(study(), StudySettings::default(), measured())
}
