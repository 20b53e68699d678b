//! A claim, and what it expects of its metric.

use serde::{Deserialize, Serialize};

/// Something that a paper says, or that the study checks by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Its name.
    pub id: String,
    /// The paper and place; empty for a check of the study's own, such as what a control shows.
    pub source: String,
    /// What is claimed, in a sentence.
    pub statement: String,
    /// The metric that it is about, see [`super::Metric::parse`].
    pub metric: String,
    /// What is expected, see [`Expectation::parse`].
    pub expect: String,
    /// The variants that it is judged on, in order; two or more.
    pub variants: Vec<String>,
}

impl Claim {
    /// Who says so.
    pub fn origin(&self) -> &str {
        match self.source.is_empty() {
            true => "own check",
            false => &self.source,
        }
    }
}

/// What a claim expects of its metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expectation {
    /// It rises along the variants.
    Increasing,
    /// It falls along the variants.
    Decreasing,
    /// It is the same for all variants.
    Same,
    /// It falls where the metric of this name rises.
    FallsWith(String),
}

impl Expectation {
    /// The forms of a claim's `expect`, for messages.
    pub(super) const FORMS: &str = "increasing, decreasing, same or falls_with:METRIC";

    /// The expectation in a claim's `expect`: `increasing`, `decreasing`, `same` or `falls_with:METRIC`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "increasing" => Some(Self::Increasing),
            None if text == "decreasing" => Some(Self::Decreasing),
            None if text == "same" => Some(Self::Same),
            Some(("falls_with", metric)) if !metric.is_empty() => {
                Some(Self::FallsWith(metric.to_owned()))
            }
            _ => None,
        }
    }
}
