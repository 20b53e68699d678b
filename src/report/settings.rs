//! The settings that decide what a report's numbers mean.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the distance between the two modalities is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Definition {
    /// The paper's equation: Fréchet distance with the exact matrix square root, on the outputs of
    /// the decoder layers (the last one before the final norm).
    #[default]
    Exact,
    /// The closed form of what the released script's `--mode fast` computes in exact arithmetic:
    /// it subtracts `2 Tr(S_v S_t)`, on `hidden_states[1..=L]` (the last one after the final norm).
    OfficialFast,
    /// The exact formula on the released script's layers and masks (`--mode accurate`).
    OfficialAccurate,
}

impl Definition {
    /// All definitions, the default first.
    pub const ALL: [Self; 3] = [Self::Exact, Self::OfficialFast, Self::OfficialAccurate];

    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::OfficialFast => "official-fast",
            Self::OfficialAccurate => "official-accurate",
        }
    }

    /// What is computed, in one sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Exact => {
                "the paper's equation: Fréchet distance with the exact matrix square root after \
                 every decoder layer, the last one before the final norm"
            }
            Self::OfficialFast => {
                "the closed form of the released script's fast mode, which takes no square root: \
                 it subtracts 2 Tr(S_v S_t); the last layer after the final norm"
            }
            Self::OfficialAccurate => {
                "the exact matrix square root on the released script's tokens and layers, the last \
                 one after the final norm"
            }
        }
    }

    /// Whether the definition reproduces the released script, whose text mask is then fixed.
    pub fn is_official(self) -> bool {
        self != Self::Exact
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What becomes of tokens whose norm lies more than three (unbiased) standard deviations from the lower median of all
/// norms of their modality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outliers {
    /// The median of each dimension takes their place and they still count, as in the released script.
    #[default]
    Replace,
    /// They are left out, as the paper says; the mean norm is still that of all tokens.
    Drop,
    /// They stay as they are.
    Keep,
}

impl Outliers {
    /// All rules, the default first.
    pub const ALL: [Self; 3] = [Self::Replace, Self::Drop, Self::Keep];

    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }

    /// What is done, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Replace => {
                "the median of each dimension takes their place, as in the released script"
            }
            Self::Drop => "left out, as the paper says",
            Self::Keep => "kept as they are",
        }
    }
}

impl fmt::Display for Outliers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Which tokens count as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextMask {
    /// Everything after the last image token, as in the released script.
    #[default]
    Official,
    /// Only the tokens of the pair's own text.
    Content,
}

impl TextMask {
    /// All masks, the default first.
    pub const ALL: [Self; 2] = [Self::Official, Self::Content];

    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Official => "official",
            Self::Content => "content",
        }
    }

    /// Which tokens are meant, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Official => "everything after the last image token",
            Self::Content => "only the tokens of the pair's own text",
        }
    }
}

impl fmt::Display for TextMask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What stands around image and text in a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptStyle {
    /// What the checkpoint brings: its chat template, or the model's own form.
    #[default]
    Checkpoint,
    /// The conversation called vicuna_v1, whatever the checkpoint brings.
    #[serde(rename = "vicuna_v1")]
    VicunaV1,
}

impl PromptStyle {
    /// Both, the default first.
    pub const ALL: [Self; 2] = [Self::Checkpoint, Self::VicunaV1];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::VicunaV1 => "vicuna_v1",
        }
    }
}

impl fmt::Display for PromptStyle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What a measurement computes of the states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MetricChoice {
    /// The Modality Integration Rate and what follows from its layers.
    #[default]
    Mir,
    /// All that mirscope knows.
    All,
}

impl MetricChoice {
    /// The default first.
    pub const BOTH: [Self; 2] = [Self::Mir, Self::All];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mir => "mir",
            Self::All => "all",
        }
    }
}
