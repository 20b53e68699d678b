//! Published ways to measure, and how far a run kept to one.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Definition, Outliers, PromptStyle, TextMask};

/// A published way to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// That of the paper on the Modality Integration Rate (arXiv 2410.07167) and of its released script: 100 images,
    /// each followed by a news story that has nothing to do with it.
    MirPaper,
}

impl Protocol {
    /// All protocols.
    pub const ALL: [Self; 1] = [Self::MirPaper];

    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::MirPaper => "mir-paper",
        }
    }

    /// What it sets.
    pub fn settings(self) -> ProtocolSettings {
        match self {
            Self::MirPaper => ProtocolSettings {
                num_pairs: 100,
                definition: Definition::OfficialAccurate,
                text_mask: TextMask::Official,
                outliers: Outliers::Replace,
                prompt: PromptStyle::VicunaV1,
            },
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a protocol sets, or what a run had in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtocolSettings {
    /// Pairs of an image and a text.
    pub num_pairs: usize,
    /// Definition of the distance.
    pub definition: Definition,
    /// Tokens that count as text.
    pub text_mask: TextMask,
    /// What becomes of tokens whose norm stands out.
    pub outliers: Outliers,
    /// What stands around image and text.
    pub prompt: PromptStyle,
}

impl ProtocolSettings {
    /// Where these are others than the `protocol`'s, each as `name = value`.
    pub fn departures(&self, protocol: Protocol) -> Vec<String> {
        let set = protocol.settings();
        let mut found = Vec::new();
        let mut compare = |same: bool, name: &str, value: &dyn fmt::Display| {
            if !same {
                found.push(format!("{name} = {value}"));
            }
        };
        compare(
            self.num_pairs == set.num_pairs,
            "num_pairs",
            &self.num_pairs,
        );
        compare(
            self.definition == set.definition,
            "definition",
            &self.definition,
        );
        compare(
            self.text_mask == set.text_mask,
            "text_mask",
            &self.text_mask,
        );
        compare(self.outliers == set.outliers, "outliers", &self.outliers);
        compare(self.prompt == set.prompt, "prompt", &self.prompt);
        found
    }
}

/// The protocol of a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProtocolSummary {
    /// Its name, for example `mir-paper`.
    pub name: String,
    /// What was not as it says, each as `name = value`; empty where it was followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub departures: Vec<String>,
}

impl ProtocolSummary {
    /// The protocol, and where `measured` departs from it.
    pub fn new(protocol: Protocol, measured: &ProtocolSettings) -> Self {
        Self {
            name: protocol.name().to_owned(),
            departures: measured.departures(protocol),
        }
    }

    /// In a line.
    pub fn line(&self) -> String {
        match self.departures.as_slice() {
            [] => self.name.clone(),
            departures => format!("{}, but {}", self.name, departures.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn departures_are_named_with_what_they_are() {
        let protocol = Protocol::MirPaper;
        let mut measured = protocol.settings();
        assert_eq!(
            ProtocolSummary::new(protocol, &measured).line(),
            "mir-paper"
        );
        measured.num_pairs = 20;
        measured.definition = Definition::Exact;
        measured.text_mask = TextMask::Content;
        measured.outliers = Outliers::Drop;
        measured.prompt = PromptStyle::Checkpoint;
        assert_eq!(
            ProtocolSummary::new(protocol, &measured).line(),
            "mir-paper, but num_pairs = 20, definition = exact, text_mask = content, outliers = drop, \
             prompt = checkpoint"
        );
    }
}
