//! What was measured of a study: `results.json`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Chance, Correlation, MeasuredQuantity, Metric, Over, STUDY_SCHEMA, SeedNoise, Study,
    StudyError, Variant, Verdict, correlations, data::parse_schema, seed_noise, verdicts,
};
use crate::report::{
    Contradiction, Definition, MetricChoice, Report, TextMask,
    consistency::{check_rate, check_term},
};

/// A study with what was measured of it and what that says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyResults {
    /// [`STUDY_SCHEMA`] of the program that wrote them.
    pub schema: u32,
    /// Version of mirscope.
    pub mirscope_version: String,
    /// How every variant was measured.
    pub settings: StudySettings,
    /// What the recipe wrote.
    #[serde(alias = "family")]
    pub study: Study,
    /// What was measured, by the variant's name.
    pub measured: BTreeMap<String, Measured>,
    /// Noise between seeds, metric by metric.
    pub noise: Vec<SeedNoise>,
    /// Rank correlations.
    pub correlations: Vec<Correlation>,
    /// What became of each claim, in the study's order.
    pub verdicts: Vec<Verdict>,
}

/// How every variant is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudySettings {
    /// At most so many pairs.
    pub num_pairs: usize,
    /// Seed of their selection.
    pub seed: u64,
    /// Tokens that count as text.
    pub text_mask: TextMask,
    /// Which quantities are measured: the rate alone, or all that a report can have, with intervals over pairs; only
    /// the bias by the number of pairs is no part of a study. Older versions measured the rate alone.
    #[serde(default, skip_serializing_if = "is_rate_alone")]
    pub metrics: MetricChoice,
}

fn is_rate_alone(metrics: &MetricChoice) -> bool {
    *metrics == MetricChoice::Mir
}

impl Default for StudySettings {
    fn default() -> Self {
        Self {
            num_pairs: 100,
            seed: 0,
            text_mask: TextMask::Official,
            metrics: MetricChoice::All,
        }
    }
}

/// What was measured of a variant: definition `exact`, and the rate of `official-accurate` beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Changes with the variant's files, the data and the settings.
    pub fingerprint: String,
    /// Modality Integration Rate; absent where it is undefined.
    pub mir: Option<f64>,
    /// The same with the last state after the final norm, as the released script has it.
    pub mir_official: Option<f64>,
    /// The same with each modality scaled to mean token norm 1.
    pub norm_matched_mir: Option<f64>,
    /// Every quantity of the report, the rate among them; empty where the rate was measured alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quantities: Vec<MeasuredQuantity>,
    /// The layers, first to last.
    pub layers: Vec<MeasuredLayer>,
    /// Pairs or documents measured.
    pub num_pairs: usize,
    /// Vision tokens.
    pub n_vision: usize,
    /// Text tokens.
    pub n_text: usize,
    /// Width of the states.
    pub hidden_size: usize,
    /// Parameters of the whole model.
    pub parameters: u64,
    /// The device, on one line.
    pub device: String,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A layer's distance, see [`crate::report::LayerReport`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeasuredLayer {
    /// The layer's term of the MIR sum.
    pub frechet: f64,
    /// Its part from different means.
    pub location: f64,
    /// Its part from different widths.
    pub spread: f64,
    /// Its part from different directions.
    pub shape: f64,
    /// Mean norm of the vision tokens over that of the text tokens.
    pub norm_ratio: Option<f64>,
}

impl Measured {
    /// What of a report of definition `exact` is kept; its quantities where all were `asked` for.
    pub fn new(
        report: &Report,
        mir_official: Option<f64>,
        asked: MetricChoice,
        fingerprint: String,
    ) -> Self {
        let (n_vision, n_text) = report.tokens();
        let layers = report.layers.iter().map(|layer| MeasuredLayer {
            frechet: layer.frechet,
            location: layer.location,
            spread: layer.spread,
            shape: layer.shape,
            norm_ratio: layer.norm_ratio(),
        });
        Self {
            fingerprint,
            mir: report.mir,
            mir_official,
            norm_matched_mir: report.norm_matched_mir,
            quantities: match asked {
                MetricChoice::All => MeasuredQuantity::all(report),
                MetricChoice::Mir => Vec::new(),
            },
            layers: layers.collect(),
            num_pairs: report.data.num_pairs,
            n_vision,
            n_text,
            hidden_size: report.model.hidden_size,
            parameters: report.model.parameters,
            device: report.device.line(),
            notes: report.notes.clone(),
        }
    }

    /// Fails at the first number that another one contradicts.
    fn check(&self) -> Result<(), Contradiction> {
        for (index, layer) in self.layers.iter().enumerate() {
            let parts = [layer.location, layer.spread, layer.shape];
            check_term(Definition::Exact, layer.frechet, parts).map_err(|wrong| Contradiction {
                field: format!("layers[{index}].{}", wrong.field),
                ..wrong
            })?;
        }
        for (index, quantity) in self.quantities.iter().enumerate() {
            quantity.check().map_err(|wrong| Contradiction {
                field: format!("quantities[{index}].{}", wrong.field),
                ..wrong
            })?;
        }
        check_rate(
            "mir",
            self.mir,
            self.layers.iter().map(|layer| layer.frechet),
        )
    }

    /// The quantity that programs call `id`.
    pub fn quantity(&self, id: &str) -> Option<&MeasuredQuantity> {
        self.quantities.iter().find(|quantity| quantity.id == id)
    }

    /// Vision tokens over the width of the states; MIR is biased upward where there are few.
    pub fn tokens_per_dimension(&self) -> f64 {
        self.n_vision as f64 / self.hidden_size.max(1) as f64
    }
}

impl StudyResults {
    /// What it was measured on, each once.
    pub fn devices(&self) -> Vec<&str> {
        let devices: BTreeSet<&str> = (self.measured.values())
            .map(|measured| measured.device.as_str())
            .collect();
        devices.into_iter().collect()
    }

    /// The study with what was measured, and what that says.
    pub fn new(
        study: Study,
        settings: StudySettings,
        measured: BTreeMap<String, Measured>,
    ) -> Self {
        let mut results = Self {
            schema: STUDY_SCHEMA,
            mirscope_version: env!("CARGO_PKG_VERSION").to_owned(),
            settings,
            study,
            measured,
            noise: Vec::new(),
            correlations: Vec::new(),
            verdicts: Vec::new(),
        };
        let claimed = results.study.claims.iter();
        let claimed = claimed.filter_map(|claim| Metric::parse(&claim.metric));
        let quantities = results.quantities().into_iter();
        let quantities = quantities.map(|it| Metric::Quantity(it.id.clone()));
        let mut metrics: Vec<Metric> = Metric::TABLE.to_vec();
        metrics.insert(1, Metric::MirOfficial);
        for metric in claimed.chain(quantities) {
            if !metrics.contains(&metric) {
                metrics.push(metric);
            }
        }
        let noise = metrics
            .iter()
            .filter_map(|metric| seed_noise(&results, metric));
        results.noise = noise.collect();
        results.correlations = correlations(&results);
        results.verdicts = verdicts(&results);
        results
    }

    /// Reads `results.json` from its text; `file` is its name in messages.
    ///
    /// # Errors
    /// As [`Study::parse`]; also for numbers that cannot be true together.
    pub fn parse(json: &str, file: &str) -> Result<Self, StudyError> {
        let results: Self = parse_schema(json, file, "results of a study")?;
        results.study.check(file)?;
        for (name, measured) in &results.measured {
            measured.check().map_err(|wrong| StudyError::Field {
                file: file.to_owned(),
                field: format!("measured.{name}.{}", wrong.field),
                reason: wrong.reason,
            })?;
        }
        Ok(results)
    }

    /// Refuses NaN and infinity, which JSON would silently turn into `null`.
    ///
    /// # Errors
    /// [`StudyError::NotFinite`] naming the first such field.
    pub fn check_finite(&self) -> Result<(), StudyError> {
        for (name, measured) in &self.measured {
            let rates = [
                ("mir", measured.mir),
                ("mir_official", measured.mir_official),
                ("norm_matched_mir", measured.norm_matched_mir),
            ];
            let rates = rates
                .into_iter()
                .map(|(field, value)| (field.to_owned(), value));
            let layers = measured
                .layers
                .iter()
                .enumerate()
                .flat_map(|(index, layer)| {
                    [
                        ("frechet", Some(layer.frechet)),
                        ("location", Some(layer.location)),
                        ("spread", Some(layer.spread)),
                        ("shape", Some(layer.shape)),
                        ("norm_ratio", layer.norm_ratio),
                    ]
                    .map(|(field, value)| (format!("layers[{index}].{field}"), value))
                });
            let quantities = (measured.quantities.iter().enumerate()).flat_map(|(index, it)| {
                let [low, high] = it.interval.map_or([None; 2], |ends| ends.map(Some));
                [
                    ("value", it.value),
                    ("interval[0]", low),
                    ("interval[1]", high),
                ]
                .map(|(field, value)| (format!("quantities[{index}].{field}"), value))
            });
            for (field, value) in rates.chain(layers).chain(quantities) {
                if let Some(value) = value.filter(|value| !value.is_finite()) {
                    let field = format!("measured.{name}.{field}");
                    return Err(StudyError::NotFinite { field, value });
                }
            }
        }
        Ok(())
    }

    /// The verdict of a claim.
    pub fn verdict(&self, claim: &str) -> Option<&Verdict> {
        self.verdicts.iter().find(|verdict| verdict.claim == claim)
    }

    /// The noise of a metric.
    pub fn noise_of(&self, metric: &Metric) -> Option<&SeedNoise> {
        let name = metric.name();
        self.noise.iter().find(|noise| noise.metric == name)
    }

    /// The correlation of two metrics over some settings.
    pub fn correlation(&self, over: &Over, x: &Metric, y: &Metric) -> Option<&Correlation> {
        let (x, y) = (x.name(), y.name());
        let mut all = self.correlations.iter();
        all.find(|found| found.over == *over && found.x == x && found.y == y)
    }

    /// Whether a variant's share of right answers to all kinds of question is above the better of both
    /// chances, with all of its interval; none for other metrics and where it is missing.
    pub fn is_above_chance(&self, metric: &Metric, variant: &Variant) -> Option<bool> {
        let all_kinds = matches!(metric, Metric::Choice | Metric::FewShot(_));
        let score = metric.score(variant).filter(|_| all_kinds)?;
        Some(score.low > self.chance(metric).best())
    }

    /// What answering without looking scores at the questions that a metric is about.
    pub fn chance(&self, metric: &Metric) -> Chance {
        match metric {
            Metric::FewShot(_) => self.study.chance_after_examples(),
            _ => self.study.chance,
        }
    }

    /// The settings whose MIR can be compared: with as many vision tokens as the base, for the estimate is
    /// biased upward where there are few; of a long run's snapshots the last one.
    pub fn comparable(&self) -> Vec<&Variant> {
        let tokens = |variant: &Variant| Some(self.measured.get(&variant.name)?.n_vision);
        let study = &self.study;
        let base = study.variant(&study.base).and_then(tokens);
        let counts = |it: &&Variant| base.is_some() && tokens(it) == base;
        study.first_trainings().filter(counts).collect()
    }

    /// The numbers of examples for which any variant has a few-shot score, as written, fewest first.
    pub fn shots(&self) -> Vec<String> {
        let variants = self.study.variants.iter();
        let mut shots: Vec<String> = variants
            .flat_map(|variant| variant.scores.few_shot.keys().cloned())
            .collect();
        shots.sort_by_key(|shots| (shots.parse::<u64>().unwrap_or(u64::MAX), shots.clone()));
        shots.dedup();
        shots
    }

    /// Number of decoder layers, the most that any variant has.
    pub fn depth(&self) -> usize {
        let measured = self.measured.values();
        measured
            .map(|measured| measured.layers.len())
            .max()
            .unwrap_or(0)
    }
}
