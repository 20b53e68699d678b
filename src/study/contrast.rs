//! Two equally long trainings beside each other: on captions that fit their images, and on shuffled ones.

use serde::{Deserialize, Serialize};

use super::{Metric, Score, SeedNoise, StudyResults, StudySettings, Variant};
use crate::report::{Definition, Report};

/// The base and the negative control with what was found of them, all of it from the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// Trained on each image's own captions: the base.
    pub fitting: ContrastSide,
    /// Trained on captions of other images: the control.
    pub shuffled: ContrastSide,
    /// Of the trainings as long, over as many vision tokens, the one whose model answers most questions rightly; none
    /// where that is one of the two sides.
    #[serde(default)]
    pub best: Option<BestTraining>,
    /// How much MIR changes by the seed alone.
    pub noise: SeedNoise,
    /// Share of right answers without looking, the better way of it.
    pub chance: f64,
    /// Image-text pairs that each of these trainings saw.
    pub samples: u64,
    /// Definition of the distance.
    pub definition: Definition,
    /// Vision tokens that were measured of each.
    pub n_vision: usize,
    /// How all of them were measured.
    pub settings: StudySettings,
    /// List of the pairs that were measured, relative to the study's folder.
    pub pairs: String,
}

/// One of the two settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContrastSide {
    /// Name of the variant with the first seed.
    pub variant: String,
    /// Folder of its checkpoint, relative to the study's.
    pub folder: String,
    /// MIR by seed, the first seed first.
    pub seeds: Vec<(u64, f64)>,
    /// Held-out questions answered rightly, with the first seed.
    pub answered: Score,
    /// The same by kind of question, in the study's order.
    pub kinds: Vec<(String, Score)>,
}

/// The training whose model answers most questions rightly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestTraining {
    /// Name of the variant.
    pub variant: String,
    /// What it is called on its axis.
    pub label: String,
    /// MIR with its seed.
    pub mir: f64,
    /// Held-out questions answered rightly.
    pub answered: Score,
}

impl Contrast {
    /// What is at the two sides with a definition; none where the results have no control, no second
    /// seed of any setting, or sides that were trained on different numbers of pairs.
    pub fn new(results: &StudyResults, definition: Definition) -> Option<Self> {
        let metric = match definition {
            Definition::Exact => Metric::Mir,
            Definition::OfficialAccurate => Metric::MirOfficial,
            Definition::OfficialFast => return None,
        };
        let study = &results.study;
        let (base, control) = (study.variant(&study.base)?, study.control()?);
        let tokens = |variant: &Variant| Some(results.measured.get(&variant.name)?.n_vision);
        let comparable = base.samples == control.samples && tokens(base)? == tokens(control)?;
        comparable.then_some(())?;
        Some(Self {
            fitting: side(results, base, &metric)?,
            shuffled: side(results, control, &metric)?,
            best: best(results, [base, control], &metric),
            noise: results.noise_of(&metric)?.clone(),
            chance: study.chance.best(),
            samples: base.samples,
            n_vision: tokens(base)?,
            definition,
            settings: results.settings,
            pairs: study.pairs.clone(),
        })
    }

    /// The two sides: captions that fit, shuffled ones.
    pub fn sides(&self) -> [&ContrastSide; 2] {
        [&self.fitting, &self.shuffled]
    }

    /// Where 19 of 20 further seeds of a side are expected, lower and upper end.
    pub fn band(&self, side: &ContrastSide) -> [f64; 2] {
        let count = side.seeds.len();
        let mean = side.seeds.iter().map(|(_, mir)| mir).sum::<f64>() / count.max(1) as f64;
        let reach = self.noise.reach(count);
        [mean - reach, mean + reach]
    }

    /// Whether a report has the definition and the text tokens that these numbers have.
    pub fn is_measured_as(&self, report: &Report) -> bool {
        report.definition == self.definition && report.text_mask == self.settings.text_mask
    }
}

impl ContrastSide {
    /// MIR with the first seed.
    pub fn mir(&self) -> f64 {
        self.seeds.first().map_or(f64::NAN, |(_, mir)| *mir)
    }
}

fn best(
    results: &StudyResults,
    [base, control]: [&Variant; 2],
    metric: &Metric,
) -> Option<BestTraining> {
    let tokens = |variant: &Variant| Some(results.measured.get(&variant.name)?.n_vision);
    let of = |variant: &Variant| {
        let comparable = variant.samples == base.samples && tokens(variant) == tokens(base);
        comparable.then_some(())?;
        Some(BestTraining {
            variant: variant.name.clone(),
            label: variant.label.clone(),
            mir: metric.value(results, variant)?,
            answered: variant.scores.choice?,
        })
    };
    let found = results.study.variants.iter().filter_map(of);
    let best = found.max_by(|a, b| a.answered.value.total_cmp(&b.answered.value))?;
    let is_side = [base, control].iter().any(|side| side.name == best.variant);
    (!is_side).then_some(best)
}

fn side(results: &StudyResults, variant: &Variant, metric: &Metric) -> Option<ContrastSide> {
    let study = &results.study;
    let replicates = study.replicates(&variant.name);
    let kinds = study.kinds.iter().filter_map(|kind| {
        let score = variant.scores.choice_kinds.get(kind)?;
        Some((kind.clone(), *score))
    });
    Some(ContrastSide {
        variant: variant.name.clone(),
        folder: variant.folder.clone(),
        seeds: std::iter::once(variant)
            .chain(replicates)
            .map(|it| Some((it.seed, metric.value(results, it)?)))
            .collect::<Option<_>>()?,
        answered: variant.scores.choice?,
        kinds: kinds.collect(),
    })
}
