//! What the recipe says about a study: `variants.json`. The file is long because all its fields, their checks and the
//! questions about them stand together.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Component, Path},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Claim, Expectation, STUDY_SCHEMA, StudyError};
use crate::report::json_place::in_field;

/// A study of checkpoints, varied one axis at a time around one base.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Study {
    /// [`STUDY_SCHEMA`] of the recipe that wrote it.
    pub schema: u32,
    /// Name of the base variant.
    pub base: String,
    /// List of the image-text pairs that are measured, relative to the study's folder.
    pub pairs: String,
    /// Kinds of the held-out questions, for example `colour`.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// What answering without looking would score.
    pub chance: Chance,
    /// The same of the questions that are asked after examples; absent where they are the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub few_shot_chance: Option<Chance>,
    /// Every checkpoint, the base and further seeds included.
    pub variants: Vec<Variant>,
    /// What was varied.
    pub axes: Vec<StudyAxis>,
    /// What the papers say, to be judged.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Name of the variant trained on captions that do not belong to their images, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
}

/// Scores of answering without looking, as shares of the questions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chance {
    /// Each answer of the question's kind equally often.
    pub uniform: f64,
    /// Always the most frequent answer of the question's kind.
    pub majority: f64,
}

impl Chance {
    /// The better way of answering without looking.
    pub fn best(&self) -> f64 {
        self.uniform.max(self.majority)
    }
}

/// One checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Its name, unique in the study.
    pub name: String,
    /// The axis that it was trained for.
    pub axis: String,
    /// Its setting in a few words, for example `learning rate 2e-4`.
    pub label: String,
    /// The setting as a number, where it is one.
    #[serde(default)]
    pub value: Option<f64>,
    /// Seed of its training.
    pub seed: u64,
    /// The variant of the same setting with the first seed; absent for that one itself.
    #[serde(default)]
    pub replicate_of: Option<String>,
    /// Its Hugging Face folder, relative to the study's.
    pub folder: String,
    /// Whether the folder is left out of what ships: its last result is kept, and the recipe makes the
    /// weights again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_out: bool,
    /// List of documents that are measured instead of the pairs, relative to the study's folder.
    #[serde(default)]
    pub documents: Option<String>,
    /// Image-text pairs it was trained on.
    pub samples: u64,
    /// Seconds of its training; absent where it is a look into a longer one.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// Number of trained parameters.
    pub parameters_trained: u64,
    /// Tokens of one image.
    pub image_tokens: usize,
    /// What a reader should know.
    #[serde(default)]
    pub note: Option<String>,
    /// Scores on data never trained on.
    pub scores: Scores,
}

/// A score with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// The score.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Scores on data never trained on; choices are shares of right answers, losses nats per token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scores {
    /// Right answers.
    pub choice: Option<Score>,
    /// The same with the image blanked.
    pub choice_blank: Option<Score>,
    /// The same with another scene's image.
    pub choice_swapped: Option<Score>,
    /// Right answers by kind of question.
    pub choice_kinds: BTreeMap<String, Score>,
    /// Loss on captions.
    pub caption_loss: Option<Score>,
    /// Perplexity of text without images.
    pub text_perplexity: Option<Score>,
    /// Right answers after so many examples in the prompt.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub few_shot: BTreeMap<String, Score>,
}

/// Something that was varied alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyAxis {
    /// Its name: small letters, digits, `-` and `_`, for it becomes part of file names.
    pub name: String,
    /// Its title.
    pub title: String,
    /// The paper and place that vary it.
    pub source: String,
    /// What is varied, in a sentence.
    pub explains: String,
    /// Whether its settings have an order.
    pub ordered: bool,
    /// Its variants in their order; further seeds may stand among them.
    pub variants: Vec<String>,
}

/// Reads JSON of the study's schema; `expected` names what it is to be.
pub(super) fn parse_schema<T: DeserializeOwned>(
    json: &str,
    file: &str,
    expected: &'static str,
) -> Result<T, StudyError> {
    #[derive(Deserialize)]
    struct Head {
        schema: u64,
    }
    let wrong = |source| StudyError::Parse {
        file: file.to_owned(),
        expected,
        place: in_field(json, &source),
        source,
    };
    let head: Head = serde_json::from_str(json).map_err(wrong)?;
    if head.schema != u64::from(STUDY_SCHEMA) {
        return Err(StudyError::Schema {
            file: file.to_owned(),
            expected,
            found: head.schema,
        });
    }
    serde_json::from_str(json).map_err(wrong)
}

impl Variant {
    /// Its setting as sentences name it.
    pub fn quoted(&self) -> String {
        format!("\u{201c}{}\u{201d}", self.label)
    }
}

impl Study {
    /// Reads `variants.json` from its text; `file` is its name in messages.
    ///
    /// # Errors
    /// [`StudyError::Schema`] before anything else, [`StudyError::Parse`], and
    /// [`StudyError::Field`] where names do not fit together.
    pub fn parse(json: &str, file: &str) -> Result<Self, StudyError> {
        let study: Self = parse_schema(json, file, "a study of checkpoints")?;
        study.check(file)?;
        Ok(study)
    }

    /// Fails where a name leads nowhere, stands twice, or a path leads out of where it may.
    pub(super) fn check(&self, file: &str) -> Result<(), StudyError> {
        let wrong = |field: String, reason: String| {
            Err(StudyError::Field {
                file: file.to_owned(),
                field,
                reason,
            })
        };
        let mut known: HashMap<&str, &Variant> = HashMap::new();
        for (index, variant) in self.variants.iter().enumerate() {
            let field = |name: &str| format!("variants[{index}].{name}");
            if variant.name.is_empty() || known.insert(&variant.name, variant).is_some() {
                let reason = format!(
                    "expected a name of its own, found `{}`: rename it",
                    variant.name
                );
                return wrong(field("name"), reason);
            }
            if !stays_below(&variant.folder) {
                let reason = format!(
                    "expected a folder below the study's, found `{}`",
                    variant.folder
                );
                return wrong(field("folder"), reason);
            }
        }
        let is_known = |name: &str| known.contains_key(name);
        let unknown = |name: &str| format!("expected the name of a variant, found `{name}`");
        if !is_known(&self.base) {
            return wrong("base".to_owned(), unknown(&self.base));
        }
        if let Some(control) = self.control.as_deref().filter(|name| !is_known(name)) {
            return wrong("control".to_owned(), unknown(control));
        }
        for (index, variant) in self.variants.iter().enumerate() {
            let Some(first) = &variant.replicate_of else {
                continue;
            };
            let found = known.get(first.as_str());
            if found.is_none_or(|first| first.replicate_of.is_some()) {
                let reason =
                    format!("expected a variant that is no replicate itself, found `{first}`");
                return wrong(format!("variants[{index}].replicate_of"), reason);
            }
        }
        let mut axes = HashSet::new();
        for (index, axis) in self.axes.iter().enumerate() {
            let plain =
                |letter: char| letter.is_ascii_lowercase() || "-_0123456789".contains(letter);
            if axis.name.is_empty() || !axis.name.chars().all(plain) || !axes.insert(&axis.name) {
                let reason = format!(
                    "expected a name of its own of small letters, digits, - and _, found `{}`",
                    axis.name
                );
                return wrong(format!("axes[{index}].name"), reason);
            }
            if let Some(name) = axis.variants.iter().find(|name| !is_known(name)) {
                return wrong(format!("axes[{index}].variants"), unknown(name));
            }
        }
        for (index, claim) in self.claims.iter().enumerate() {
            if let Some(name) = claim.variants.iter().find(|name| !is_known(name)) {
                return wrong(format!("claims[{index}].variants"), unknown(name));
            }
            if claim.variants.len() < 2 {
                let reason = format!("expected two or more, found {}", claim.variants.len());
                return wrong(format!("claims[{index}].variants"), reason);
            }
            if Expectation::parse(&claim.expect).is_none() {
                let forms = Expectation::FORMS;
                let reason = format!("expected {forms}, found `{}`", claim.expect);
                return wrong(format!("claims[{index}].expect"), reason);
            }
        }
        Ok(())
    }

    /// The variant called `name`.
    pub fn variant(&self, name: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.name == name)
    }

    /// The place of the variant called `name` among all.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.variants
            .iter()
            .position(|variant| variant.name == name)
    }

    /// The axis called `name`.
    pub fn axis(&self, name: &str) -> Option<&StudyAxis> {
        self.axes.iter().find(|axis| axis.name == name)
    }

    /// The axis along pre-training: the one called `samples`.
    pub fn pretraining(&self) -> Option<&StudyAxis> {
        self.axis("samples")
    }

    /// The settings of an axis in their order: its variants without those that replicate another one
    /// of it.
    pub fn settings<'a>(&'a self, axis: &'a StudyAxis) -> impl Iterator<Item = &'a Variant> {
        let variants = axis.variants.iter().filter_map(|name| self.variant(name));
        variants.filter(|variant| {
            let first = variant.replicate_of.as_ref();
            !first.is_some_and(|first| axis.variants.contains(first))
        })
    }

    /// The negative control, where there is one.
    pub fn control(&self) -> Option<&Variant> {
        self.variant(self.control.as_deref()?)
    }

    /// One variant a setting: those that replicate no other.
    pub fn first_seeds(&self) -> impl Iterator<Item = &Variant> {
        let variants = self.variants.iter();
        variants.filter(|variant| variant.replicate_of.is_none())
    }

    /// One variant a training: [`Self::first_seeds`], of a long run's snapshots the last one alone.
    pub fn first_trainings(&self) -> impl Iterator<Item = &Variant> {
        let run = self.pretraining();
        let end = run.and_then(|axis| self.settings(axis).last());
        self.first_seeds().filter(move |variant| {
            let is_snapshot = run.is_some_and(|axis| axis.variants.contains(&variant.name));
            !is_snapshot || end.is_some_and(|end| end.name == variant.name)
        })
    }

    /// What answering without looking scores at the questions that are asked after examples.
    pub fn chance_after_examples(&self) -> Chance {
        self.few_shot_chance.unwrap_or(self.chance)
    }

    /// The further seeds of a variant's setting.
    pub fn replicates<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Variant> {
        let variants = self.variants.iter();
        variants.filter(move |variant| variant.replicate_of.as_deref() == Some(name))
    }

    /// The replicates of some settings by their seed, in the order of the settings; seeds that two or more
    /// of them were trained from.
    pub fn other_seeds<'a>(&'a self, settings: &[&'a Variant]) -> Vec<(u64, Vec<&'a Variant>)> {
        let mut seeds: BTreeMap<u64, Vec<&Variant>> = BTreeMap::new();
        for setting in settings {
            for replicate in self.replicates(&setting.name) {
                seeds.entry(replicate.seed).or_default().push(replicate);
            }
        }
        seeds.retain(|_, replicates| replicates.len() > 1);
        seeds.into_iter().collect()
    }
}

/// Whether a path is relative and never leads upward.
fn stays_below(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(change: impl FnOnce(&mut serde_json::Value)) -> String {
        let variant = |name: &str, of: Option<&str>| {
            serde_json::json!({
                "name": name, "axis": "a", "label": name, "seed": 1, "replicate_of": of,
                "folder": name, "samples": 8, "parameters_trained": 3,
                "image_tokens": 16, "scores": {"choice": {"value": 0.5, "low": 0.4, "high": 0.6}}
            })
        };
        let mut value = serde_json::json!({
            "schema": 1, "base": "base", "pairs": "../demo/pairs.jsonl",
            "chance": {"uniform": 0.2, "majority": 0.3},
            "variants": [variant("base", None), variant("base-2", Some("base")),
                         variant("shuffled-captions", None)],
            "axes": [{"name": "samples", "title": "T", "source": "S", "explains": "E.",
                      "ordered": true,
                      "variants": ["base", "base-2", "shuffled-captions"]}],
            "control": "shuffled-captions",
            "claims": [{"id": "c", "source": "S", "statement": "S.", "metric": "mir",
                        "expect": "falls_with:choice", "variants": ["base", "shuffled-captions"]}]
        });
        change(&mut value);
        value.to_string()
    }

    #[test]
    fn a_sound_study_is_read_and_asked() {
        let study = Study::parse(&json(|_| ()), "variants.json").unwrap();
        assert_eq!(study.first_seeds().count(), 2);
        assert_eq!(study.replicates("base").count(), 1);
        let settings = study.settings(study.pretraining().unwrap());
        assert_eq!(settings.count(), 2);
        assert_eq!(study.control().unwrap().name, "shuffled-captions");
        assert!(study.variants[0].scores.few_shot.is_empty());
    }

    /// What is wrong, with the words that the refusal must have.
    #[test]
    fn what_does_not_fit_together_is_refused_by_name() {
        type Change = fn(&mut serde_json::Value);
        let cases: [(Change, &str); 9] = [
            (|v| v["schema"] = 7.into(), "`schema` 1, found 7"),
            (
                |v| v["base"] = "nobody".into(),
                "base: expected the name of a variant, found `nobody`",
            ),
            (
                |v| v["variants"][1]["name"] = "base".into(),
                "variants[1].name",
            ),
            (
                |v| v["variants"][0]["folder"] = "../../etc".into(),
                "variants[0].folder",
            ),
            (
                |v| v["variants"][2]["replicate_of"] = "base-2".into(),
                "variants[2].replicate_of",
            ),
            (|v| v["axes"][0]["name"] = "a/b".into(), "axes[0].name"),
            (
                |v| v["claims"][0]["variants"] = serde_json::json!(["base"]),
                "found 1",
            ),
            (
                |v| v["claims"][0]["expect"] = "wobbles".into(),
                "claims[0].expect",
            ),
            (
                |v| v["variants"][0]["samples"] = "many".into(),
                "expected a study",
            ),
        ];
        for (change, words) in cases {
            let error = Study::parse(&json(change), "variants.json").unwrap_err();
            let text = error.to_string();
            assert!(
                text.starts_with("variants.json: ") && text.contains(words),
                "{text}"
            );
        }
    }
}
