//! What a claim expects of its metric.

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
