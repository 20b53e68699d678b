//! Where a report comes from: the checkpoint, the data and the time it took.

use serde::{Deserialize, Serialize};

use super::ProtocolSummary;

/// The checkpoint of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelSummary {
    /// Folder name or the demo's name.
    pub name: String,
    /// `architectures[0]` of config.json.
    pub architecture: String,
    /// Vision tower, connector and decoder in one line each.
    pub parts: Vec<String>,
    /// Number of parameters.
    pub parameters: u64,
    /// Storage type of most weights: `f32`, `f16` or `bf16`.
    pub dtype: String,
    /// Decoder width d.
    pub hidden_size: usize,
    /// Decoder layers L.
    pub num_hidden_layers: usize,
}

/// The data of a report.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// Where the pairs came from.
    pub source: String,
    /// Number of pairs measured.
    pub num_pairs: usize,
    /// Seed of the selection and of the pairing of images with texts.
    pub seed: u64,
    /// Where the prompt's form came from: the checkpoint's chat template or vicuna_v1.
    pub prompt: String,
    /// The published protocol that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<ProtocolSummary>,
    /// What could not be read and was left out, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
}

/// An image, a text or a line of a list that was left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Skipped {
    /// Its file; of a list with the line.
    pub name: String,
    /// Why it could not be used.
    pub reason: String,
}

impl Skipped {
    /// What an error's sentence, which begins with the name as a rule, says about `name`.
    pub fn new(name: impl Into<String>, sentence: &str) -> Self {
        let name = name.into();
        let reason = sentence.strip_prefix(&name);
        let reason = reason.and_then(|rest| rest.strip_prefix(": "));
        Self {
            reason: reason.unwrap_or(sentence).to_owned(),
            name,
        }
    }
}

/// Time spent in one stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageTiming {
    /// `load`, `prepare`, `forward`, `metric`.
    pub stage: String,
    /// Seconds.
    pub seconds: f64,
}
