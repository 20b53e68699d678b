//! A run under other assumptions, recorded for all combinations of a few of them.

use serde::{Deserialize, Serialize};

use super::RecordingError;
use crate::report::{Calibration, LayerReport, WhatIf, WhatIfSettings};

/// Answers to what-if questions, small enough to be recorded: of each layer three numbers, from which its distance
/// follows for vision tokens of any length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedWhatIfs {
    /// Numbers of pairs, fewest first, all pairs last.
    pub pairs: Vec<usize>,
    /// Vision and text tokens of so many pairs.
    tokens: Vec<(usize, usize)>,
    layers: usize,
    /// Of each question, in the order of [`RecordedWhatIfs::questions`], the norm-matched rate and the layers'
    /// numbers, as f32.
    #[serde(with = "serde_bytes")]
    values: Vec<u8>,
}

/// An answer of a recording.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedAnswer {
    /// The layers, first to last.
    pub layers: Vec<ScaledDistance>,
    /// As in [`WhatIf::norm_matched_mir`].
    pub norm_matched_mir: Option<f64>,
    /// Pairs that were measured.
    pub num_pairs: usize,
    /// Their vision and text tokens.
    pub tokens: (usize, usize),
}

/// A layer's distance for vision tokens of any length: `vision s^2 - 2 both s + text` at the scale `s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScaledDistance {
    /// `(||mu_v||^2 + Tr S_v) / alpha^-2`.
    vision: f64,
    /// `(mu_v . mu_t + Tr (S_v S_t)^(1/2)) / alpha^-2`.
    both: f64,
    /// `(||mu_t||^2 + Tr S_t) / alpha^-2`.
    text: f64,
}

impl ScaledDistance {
    /// That of a layer; none where the report does not hold what it is made of.
    pub fn of(layer: &LayerReport) -> Option<Self> {
        let moments = layer.moments?;
        let unit = layer.mean_norm_text.powi(2);
        Some(Self {
            vision: (moments.mean_vision + moments.trace_vision) / unit,
            both: (moments.mean_product + moments.trace_root) / unit,
            text: (moments.mean_text + moments.trace_text) / unit,
        })
    }

    /// The distance at a scale.
    pub fn at(&self, scale: f64) -> f64 {
        (self.vision * scale * scale - 2.0 * self.both * scale + self.text).max(0.0)
    }
}

impl RecordedWhatIfs {
    /// Numbers of pairs that are recorded beside all of them.
    const PAIRS: [usize; 4] = [5, 10, 20, 50];

    /// What is asked of a run of so many pairs.
    pub fn questions(all: usize) -> Vec<WhatIfSettings> {
        let mut questions = Vec::new();
        for pairs in numbers(all) {
            for outliers in [true, false] {
                for calibration in [Calibration::None, Calibration::Moca] {
                    questions.push(WhatIfSettings {
                        outliers,
                        num_pairs: (pairs < all).then_some(pairs),
                        calibration,
                    });
                }
            }
        }
        questions
    }

    /// The answers to [`RecordedWhatIfs::questions`], in their order.
    ///
    /// # Errors
    /// [`RecordingError::Answers`].
    pub fn new(all: usize, answers: &[WhatIf]) -> Result<Self, RecordingError> {
        let pairs = numbers(all);
        let layers = answers.first().map_or(0, |answer| answer.layers.len());
        let mut recorded = Self {
            tokens: Vec::new(),
            layers,
            values: Vec::new(),
            pairs,
        };
        let asked = Self::questions(all);
        if asked.len() != answers.len() {
            return Err(RecordingError::Answers);
        }
        let per_number = asked.len() / recorded.pairs.len();
        for (index, (question, answer)) in asked.iter().zip(answers).enumerate() {
            let found: Option<Vec<ScaledDistance>> =
                answer.layers.iter().map(ScaledDistance::of).collect();
            let found = found.filter(|found| found.len() == layers && answer.settings == *question);
            let found = found.ok_or(RecordingError::Answers)?;
            if index.is_multiple_of(per_number) {
                let first = answer.layers.first();
                let tokens = first.map(|layer| (layer.n_vision, layer.n_text));
                recorded.tokens.push(tokens.unwrap_or_default());
            }
            let numbers = found.iter().flat_map(|it| [it.vision, it.both, it.text]);
            let matched = answer.norm_matched_mir.unwrap_or(f64::NAN);
            for value in std::iter::once(matched).chain(numbers) {
                recorded.values.extend((value as f32).to_le_bytes());
            }
        }
        Ok(recorded)
    }

    /// The answer to a question; none where it is not recorded.
    pub fn answer(&self, settings: &WhatIfSettings) -> Option<RecordedAnswer> {
        let all = *self.pairs.last()?;
        // Asking for all pairs by their number is asking for all.
        let wanted = WhatIfSettings {
            num_pairs: settings.num_pairs.filter(|number| *number < all),
            ..settings.clone()
        };
        let index = (Self::questions(all).iter()).position(|question| *question == wanted)?;
        let num_pairs = wanted.num_pairs.unwrap_or(all);
        let number = self.pairs.iter().position(|pairs| *pairs == num_pairs)?;
        let width = 1 + 3 * self.layers;
        let values = self
            .values
            .as_chunks::<4>()
            .0
            .get(index * width..)?
            .get(..width)?;
        let mut values = values
            .iter()
            .map(|&bytes| f64::from(f32::from_le_bytes(bytes)));
        let norm_matched_mir = values.next().filter(|value| value.is_finite());
        let mut layers = Vec::with_capacity(self.layers);
        while let (Some(vision), Some(both), Some(text)) =
            (values.next(), values.next(), values.next())
        {
            layers.push(ScaledDistance { vision, both, text });
        }
        Some(RecordedAnswer {
            layers,
            norm_matched_mir,
            num_pairs,
            tokens: *self.tokens.get(number)?,
        })
    }
}

fn numbers(all: usize) -> Vec<usize> {
    let fewer = RecordedWhatIfs::PAIRS.into_iter();
    fewer.filter(|pairs| *pairs < all).chain([all]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::parse;

    fn answers(all: usize) -> Vec<WhatIf> {
        let report = include_str!("../../assets/demo/report.json");
        let report = parse(report, "report.json").unwrap();
        let answer = |(index, settings): (usize, WhatIfSettings)| {
            let mut layers = report.layers.clone();
            for layer in &mut layers {
                layer.n_vision = 64 * settings.num_pairs.unwrap_or(all);
                layer.moments.as_mut().unwrap().mean_vision += index as f64;
            }
            WhatIf {
                num_pairs: settings.num_pairs.unwrap_or(all),
                mir: None,
                norm_matched_mir: (index > 0).then_some(index as f64),
                layers,
                settings,
            }
        };
        let questions = RecordedWhatIfs::questions(all);
        questions.into_iter().enumerate().map(answer).collect()
    }

    #[test]
    fn answers_come_back_for_every_scale() {
        let answers = answers(100);
        assert_eq!(answers.len(), 20);
        let recorded = RecordedWhatIfs::new(100, &answers).unwrap();
        assert_eq!(recorded.pairs, [5, 10, 20, 50, 100]);
        for expected in &answers {
            let found = recorded.answer(&expected.settings).unwrap();
            assert_eq!(found.num_pairs, expected.num_pairs);
            assert_eq!(found.tokens.0, 64 * expected.num_pairs);
            assert_eq!(found.norm_matched_mir, expected.norm_matched_mir);
            for (found, layer) in found.layers.iter().zip(&expected.layers) {
                for scale in [0.3, 1.0, 2.5] {
                    let expected =
                        (layer.moments.unwrap()).frechet_scaled(scale, layer.mean_norm_text);
                    assert!((found.at(scale) / expected - 1.0).abs() < 1e-5);
                }
            }
        }
        let other = WhatIfSettings {
            num_pairs: Some(7),
            ..WhatIfSettings::default()
        };
        assert_eq!(recorded.answer(&other), None);
    }

    #[test]
    fn few_pairs_and_missing_answers() {
        assert_eq!(numbers(10), [5, 10]);
        assert_eq!(numbers(3), [3]);
        let mut answers = answers(10);
        answers.swap(0, 1);
        assert!(RecordedWhatIfs::new(10, &answers).is_err());
        assert!(RecordedWhatIfs::new(10, &answers[1..]).is_err());
    }
}
