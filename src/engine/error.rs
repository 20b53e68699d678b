//! Why a run ended without a result.

use std::ops::RangeInclusive;

use crate::{
    alignment::AlignmentError,
    gpu::GpuError,
    hub::{HubError, Refusal},
    input::InputError,
    model::ModelError,
    platform::DemoFileError,
    report::Definition,
    weights::WeightsError,
};

/// Why a run ended without a result: one sentence for the user each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Somebody asked to stop; not a fault.
    #[error("cancelled")]
    Cancelled,
    /// The program was built without `assets/demo`.
    #[error("the demo is not part of this build: name a checkpoint and image-text pairs instead")]
    NoDemo,
    /// The demo has no connector of this name.
    #[error("the demo has no connector `{name}`: choose one of {known}")]
    UnknownConnector {
        /// The name asked for.
        name: String,
        /// The names there are, joined by commas.
        known: String,
    },
    /// A file of the demo is missing or says something unexpected.
    #[error("assets/demo/{file}: {reason}")]
    Demo {
        /// Path below `assets/demo`.
        file: String,
        /// Expected and found.
        reason: String,
    },
    /// A file of the demo cannot be had.
    #[error(transparent)]
    DemoFile(#[from] DemoFileError),
    /// A file of the study is not at hand.
    #[error(
        "assets/study/{what} is not at hand: the study's checkpoints are part of the repository and of the page; start mirscope where `assets/study` lies"
    )]
    NoStudy {
        /// The file or folder.
        what: String,
    },
    /// A repository of a hub cannot be had.
    #[error("{0}")]
    Hub(HubError),
    /// There is nothing to measure.
    #[error("expected at least one image-text pair, found none in {reason}")]
    NoPairs {
        /// What is empty.
        reason: String,
    },
    /// No pair is left of those that were chosen.
    #[error("none of {skipped} can be used; the first: {first}")]
    AllSkipped {
        /// How many there were.
        skipped: String,
        /// The first with the reason.
        first: String,
    },
    /// An image file cannot be read.
    #[error("{path}: {reason}")]
    ImageFile {
        /// The file.
        path: String,
        /// Expected and found.
        reason: String,
    },
    /// A file cannot be read.
    #[error("{path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// What happened.
        reason: String,
    },
    /// A checkpoint of a study cannot be measured.
    #[error("{name}: {source}")]
    Member {
        /// Its name.
        name: String,
        /// Why.
        source: Box<EngineError>,
    },
    /// An image, a text, or the files that say how to prepare them.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The device refuses.
    #[error(transparent)]
    Gpu(GpuError),
    /// The checkpoint is damaged or not supported.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The model refuses a checkpoint or an input.
    #[error(transparent)]
    Model(ModelError),
    /// Tokens cannot be chosen like this.
    #[error("{setting}: expected {expected}, found {found}")]
    Sampling {
        /// The setting.
        setting: &'static str,
        /// What it can be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The metric has no value.
    #[error(transparent)]
    Alignment(AlignmentError),
    /// The metric needs more memory than it gets where nobody says how much it may have.
    #[error(
        "{0}; as none was named, it is half of the memory that is available here, or 4 GiB where the system does not say"
    )]
    OverUsualBudget(AlignmentError),
    /// The metric has no value because the checkpoint holds no numbers.
    #[error(
        "{states}: tensor `{tensor}` of {file} holds {value} (element {index} of {elements}); download the file again, or use another checkpoint of the training"
    )]
    BrokenWeights {
        /// What the metric says.
        states: Box<AlignmentError>,
        /// The file.
        file: String,
        /// The first such tensor, by its name in the file, in the order of a forward pass.
        tensor: String,
        /// `NaN` or `infinity`.
        value: &'static str,
        /// Its place in the tensor, row-major from 0.
        index: u64,
        /// Numbers in the tensor.
        elements: u64,
    },
    /// The metric has no value although the checkpoint is good.
    #[error(
        "{states}, though all weights are finite numbers: they grow too large for 32 bits on the way, or the adapter is at fault; compare with another adapter"
    )]
    BrokenStates {
        /// What the metric says.
        states: AlignmentError,
    },
    /// The released script has one text mask only.
    #[error(
        "the definition {definition} reproduces the released script, which counts everything after the image as text; use the text mask `official`, or the definition `exact`"
    )]
    OfficialMask {
        /// The definition asked for.
        definition: Definition,
    },
    /// The released script has one rule for outliers only.
    #[error(
        "the definition {definition} reproduces the released script, which replaces outliers; use the rule `replace`, or the definition `exact`"
    )]
    OfficialOutliers {
        /// The definition asked for.
        definition: Definition,
    },
    /// A path was given where there is no file system.
    #[error("{path}: a web page cannot open paths; hand over the file's bytes")]
    NoFileSystem {
        /// The path.
        path: String,
    },
    /// A question about kept states where there are none.
    #[error("no hidden states are stored: run a measurement first")]
    NothingKept,
    /// A question about a conversation where there is none.
    #[error("the model no longer holds this conversation: ask it again")]
    NoConversation,
    /// A question about the states of all pairs, which were too large to keep.
    #[error("the states of this run are not kept: {reason}")]
    StatesNotKept {
        /// What they need and what there is.
        reason: String,
    },
    /// A question about something that the run does not have.
    #[error("there is no {what} {found}: choose one from {first} to {last}")]
    NoSuch {
        /// For example `pair`.
        what: &'static str,
        /// What was asked for.
        found: usize,
        /// The first one.
        first: usize,
        /// The last one.
        last: usize,
    },
    /// The engine's thread could not be started, or it died.
    #[error("the engine {reason}")]
    Thread {
        /// What happened.
        reason: String,
    },
}

impl EngineError {
    /// Fails unless `found` is one of the `known`.
    pub(super) fn check_choice(
        what: &'static str,
        found: usize,
        known: RangeInclusive<usize>,
    ) -> Result<(), Self> {
        let (first, last) = (*known.start(), *known.end());
        match known.contains(&found) {
            true => Ok(()),
            false => Err(Self::NoSuch {
                what,
                found,
                first,
                last,
            }),
        }
    }
}

impl From<HubError> for EngineError {
    fn from(error: HubError) -> Self {
        match error.refusal {
            Refusal::Cancelled => Self::Cancelled,
            _ => Self::Hub(error),
        }
    }
}

impl From<GpuError> for EngineError {
    fn from(error: GpuError) -> Self {
        match error {
            GpuError::Cancelled => Self::Cancelled,
            error => Self::Gpu(error),
        }
    }
}

impl From<ModelError> for EngineError {
    fn from(error: ModelError) -> Self {
        match error {
            ModelError::Cancelled => Self::Cancelled,
            ModelError::Gpu(error) => error.into(),
            ModelError::Weights(error) => error.into(),
            error => Self::Model(error),
        }
    }
}

impl From<AlignmentError> for EngineError {
    fn from(error: AlignmentError) -> Self {
        match error {
            AlignmentError::Gpu(error) => error.into(),
            error => Self::Alignment(error),
        }
    }
}
