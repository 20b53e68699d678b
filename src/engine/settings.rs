//! Settings of a measurement.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::EngineError;
use crate::{
    alignment::MirSettings,
    report::{
        Definition, MetricChoice, Outliers, PromptStyle, Protocol, ProtocolSettings,
        ProtocolSummary, TextMask,
    },
};

/// Settings of a measurement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MeasureSettings {
    /// At most this many pairs; all if absent.
    pub num_pairs: Option<usize>,
    /// Seed of the selection and of the pairing of images with texts.
    pub seed: u64,
    /// Definition of the distance.
    pub definition: Definition,
    /// Tokens that count as text.
    pub text_mask: TextMask,
    /// What stands around image and text in a prompt.
    pub prompt: PromptStyle,
    /// The published protocol that the report names, with all that these settings do otherwise. It changes
    /// nothing else.
    pub protocol: Option<Protocol>,
    /// What becomes of tokens whose norm stands out.
    pub outliers: Outliers,
    /// Bytes of device memory that the captured states and the metric may take; states that do not fit are streamed.
    /// If absent: states of up to 1 GiB are held, and there is half of the memory that is available, 4 GiB where the
    /// system does not tell; on a card with memory of its own what its driver grants.
    pub memory_budget: Option<u64>,
    /// What is computed beside the rate.
    pub metrics: MetricChoice,
    /// What is computed as well, although it takes time of its own.
    pub also: Vec<Extra>,
    /// Whether 95 % intervals over pairs are computed where they can be.
    pub intervals: bool,
    /// Leaves out pairs whose image or text cannot be used, and names them in the report, instead of
    /// failing at the first.
    pub skip_unreadable: bool,
    /// The file that the states of all pairs go to, which then leave the device (see `engine/states_file`).
    /// Native only.
    pub export_states: Option<PathBuf>,
}

impl MeasureSettings {
    /// Fails where one setting contradicts another.
    ///
    /// # Errors
    /// [`EngineError::OfficialMask`], [`EngineError::OfficialOutliers`].
    pub(super) fn check(&self) -> Result<(), EngineError> {
        let definition = self.definition;
        if definition.is_official() && self.text_mask != TextMask::Official {
            return Err(EngineError::OfficialMask { definition });
        }
        if definition.is_official() && self.outliers != Outliers::Replace {
            return Err(EngineError::OfficialOutliers { definition });
        }
        Ok(())
    }
}

impl MeasureSettings {
    /// What a report of so many pairs says about the protocol, where one was asked for.
    pub(super) fn protocol_summary(&self, num_pairs: usize) -> Option<ProtocolSummary> {
        let measured = ProtocolSettings {
            num_pairs,
            definition: self.definition,
            text_mask: self.text_mask,
            outliers: self.outliers,
            prompt: self.prompt,
        };
        self.protocol
            .map(|protocol| ProtocolSummary::new(protocol, &measured))
    }
}

/// Quantities that take time or memory of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extra {
    /// How many directions the tokens of each modality fill; part of [`MetricChoice::All`] where states are narrow.
    EffectiveRank,
    /// The rate by every definition, and with the embeddings counted as a layer.
    Definitions,
    /// The words that the vision tokens are nearest to.
    LogitLens,
    /// The rate against the number of pairs, and what it tends to.
    Bias,
    /// What the image does to the text: a second forward pass of each pair, without it.
    WithoutImage,
}

impl Extra {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::EffectiveRank,
        Self::Definitions,
        Self::Bias,
        Self::LogitLens,
        Self::WithoutImage,
    ];

    /// What a study measures of every checkpoint where all quantities are wanted: all but [`Self::Bias`], which takes
    /// the metric some ten times.
    pub(super) const OF_A_STUDY: [Self; 4] = [
        Self::EffectiveRank,
        Self::Definitions,
        Self::LogitLens,
        Self::WithoutImage,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::EffectiveRank => "effective-rank",
            Self::Definitions => "definitions",
            Self::Bias => "bias",
            Self::LogitLens => "logit-lens",
            Self::WithoutImage => "without-image",
        }
    }
}

/// Widths of states up to which the eigenvalues of their covariances take no time to speak of.
const NARROW: usize = 1024;

impl MeasureSettings {
    /// How the rate of states of this width is computed.
    pub(super) fn rate(&self, width: usize) -> MirSettings {
        MirSettings {
            definition: self.definition,
            outliers: self.outliers,
            intervals: self.intervals,
            ranks: self.ranks(width),
        }
    }

    /// Whether effective ranks of states of this width are wanted.
    fn ranks(&self, width: usize) -> bool {
        let by_default = self.metrics == MetricChoice::All && width <= NARROW;
        by_default || self.also.contains(&Extra::EffectiveRank)
    }
}
