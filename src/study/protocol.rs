//! How the checkpoints of a study were trained, measured and scored.

use serde::{Deserialize, Serialize};

/// How the checkpoints of a study were trained, measured and scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Trained once; MIR and score are those of the same checkpoint. `assets/study`.
    #[default]
    OneStage,
    /// As in the MIR paper: MIR after pre-training on captions, with unrelated prose as the text; the score after
    /// an instruction tuning that is the same for all. `assets/papers`.
    TwoStages,
}

impl Protocol {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::OneStage, Self::TwoStages];

    /// Its place in [`Protocol::ALL`].
    pub fn index(self) -> usize {
        usize::from(self == Self::TwoStages)
    }

    /// What it is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::OneStage => "In one stage",
            Self::TwoStages => "In two stages, as in the MIR paper",
        }
    }

    /// Its title, and what is done, with `{terms}`.
    pub fn sentence(self) -> String {
        format!("{}: {}", self.title(), self.words())
    }

    /// What is done, in a sentence that goes on behind the title, with `{terms}`.
    pub fn words(self) -> &'static str {
        match self {
            Self::OneStage => {
                "a {connector} is trained on {pairs} of a picture and a conversation about it, here called its \
                 caption; {MIR} and {score} are both taken from that model."
            }
            Self::TwoStages => {
                "a {connector} is trained on {pairs} of a picture and its caption, and {MIR} is measured then; the \
                 {score} is taken after an {instruction tuning} that is the same for all."
            }
        }
    }
}
