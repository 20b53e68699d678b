//! What crosses between the engine and whoever drives it. It is long because all that can be asked and answered stands
//! in it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{
    report::{
        Answer, AttentionRow, BenchRecord, BenchReport, CheckReport, DeviceGrant, Inspection, Kept,
        LogitLens, PairView, PassTimes, PatchWords, PlaneAxes, Projection, Report, Said, TokenPath,
        WhatIf,
    },
    study::StudySettings,
};

use super::{
    ask::AskRequest,
    question::Explore,
    settings::MeasureSettings,
    shard::{MergeRequest, ShardRequest, ShardSummary},
    source::{FetchPlan, HubModel, ImageInput, ModelSource, NamedBytes, PairInput, PairSource},
};

/// An order to the engine. Cancel is not among them: it must overtake, see
/// [`crate::platform::Cancel`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Measures the alignment of a checkpoint on image-text pairs.
    Measure(Box<MeasureRequest>),
    /// Measures a file of states in a model's place, answered with [`Event::Report`].
    MeasureStates(Box<StatesRequest>),
    /// Runs a model over some of a measurement's pairs and saves their states, answered with [`Event::Shard`].
    Shard(Box<ShardRequest>),
    /// Measures what shards have saved, answered with [`Event::Report`].
    Merge(Box<MergeRequest>),
    /// Shows something of the states that the last measurement kept.
    Explore(Explore),
    /// Asks a model something, answered with [`Event::Said`] token by token and [`Event::Answer`].
    Ask(Box<AskRequest>),
    /// Describes a checkpoint without running it.
    Inspect(Box<InspectRequest>),
    /// Tells which files of a hub's repository would be fetched, and fetches none of them.
    Plan(HubModel),
    /// Gives the first of the demo's pairs, at most so many, answered with [`Event::DemoPairs`].
    DemoPairs(usize),
    /// Lists the adapters at hand.
    Adapters,
    /// Measures the speed of the adapter at hand.
    Bench(Box<BenchRequest>),
    /// Times the adapter at hand in detail, for a record that is kept.
    Record(Box<RecordRequest>),
    /// Times forward passes over given input, and gives what comes out of them.
    Passes(Box<PassRequest>),
    /// Checks whether the adapter at hand computes rightly.
    Check(Box<CheckRequest>),
    /// Measures several checkpoints one after the other on one device.
    Study(Box<StudyRequest>),
}

/// Several checkpoints to measure with one device and one set of settings; the definition is the exact
/// one, with the official accurate one's rate beside it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StudyRequest {
    /// The checkpoints.
    pub members: Vec<StudyMember>,
    /// Which device computes.
    #[serde(default)]
    pub device: DeviceSettings,
    /// How each is measured.
    pub settings: StudySettings,
}

/// A checkpoint of a study.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StudyMember {
    /// Its name.
    pub name: String,
    /// The checkpoint.
    pub model: ModelSource,
    /// The image-text pairs.
    pub pairs: PairSource,
}

/// A checkpoint of a study that has been measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StudyReport {
    /// Its name.
    pub name: String,
    /// The report, of the exact definition.
    pub report: Report,
    /// The Modality Integration Rate of the definition `official-accurate`; absent where undefined.
    pub mir_official: Option<f64>,
}

/// What to measure, on what, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeasureRequest {
    /// The checkpoint.
    pub model: ModelSource,
    /// The image-text pairs.
    pub pairs: PairSource,
    /// Which device computes.
    #[serde(default)]
    pub device: DeviceSettings,
    /// Everything else.
    pub settings: MeasureSettings,
    /// Keeps model and states on the device afterwards, for [`Command::Explore`].
    #[serde(default)]
    pub keep: bool,
}

/// Which file of states to measure, and how. Native only.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatesRequest {
    /// The file, as a measurement exports it, or `tools/export_states.py`.
    pub file: PathBuf,
    /// Which device computes.
    #[serde(default)]
    pub device: DeviceSettings,
    /// Everything else; what concerns a model's input has no effect.
    pub settings: MeasureSettings,
}

/// Which checkpoint to describe, and for which device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InspectRequest {
    /// The checkpoint.
    pub model: ModelSource,
    /// The device whose limits are shown beside it.
    #[serde(default)]
    pub device: DeviceSettings,
    /// An image of which is told what becomes of it.
    #[serde(default)]
    pub image: Option<ImageInput>,
    /// Fetches a checkpoint of a hub as a measurement would, instead of reading what describes its weights alone.
    #[serde(default)]
    pub fetch: bool,
}

/// What to time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BenchRequest {
    /// The device.
    pub device: DeviceSettings,
    /// Leaves out the large decoder, so that the run takes seconds.
    pub quick: bool,
}

/// What to time in detail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordRequest {
    /// The device.
    pub device: DeviceSettings,
    /// Seconds that all of it may take, about: what would take longer is left out, by name.
    pub budget: f64,
}

impl Default for RecordRequest {
    fn default() -> Self {
        Self {
            device: DeviceSettings::default(),
            budget: 300.0,
        }
    }
}

/// Which passes to time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PassRequest {
    /// The device.
    #[serde(default)]
    pub device: DeviceSettings,
    /// The checkpoint.
    pub model: ModelSource,
    /// Token ids of each prompt; the logits of all of its tokens are computed, those of the last one told.
    #[serde(default)]
    pub prompts: Vec<Vec<u32>>,
    /// Normalised pixels of each image, `[3, side, side]` of the tower's size; it goes through tower and
    /// connector.
    #[serde(default)]
    pub images: Vec<Vec<f32>>,
}

/// What to check.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CheckRequest {
    /// The device; the other kernel variant is checked as well unless one is named.
    pub device: DeviceSettings,
    /// Folder of small checkpoints with the states that transformers gives. Native only.
    pub golden: Option<PathBuf>,
    /// The same, handed over.
    pub cases: Vec<GoldenCase>,
    /// Leaves out the demo, whose measurement takes long on a software adapter.
    pub kernels_only: bool,
    /// Leaves out kernels and demo: only the states of [`CheckRequest::golden`] and [`CheckRequest::cases`].
    #[serde(default)]
    pub states_only: bool,
    /// A checkpoint against exported states, instead of all else. Native only.
    #[serde(default)]
    pub against: Option<Against>,
}

/// A small checkpoint with the states that transformers gives of it, as in `tests/golden`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GoldenCase {
    /// Its name.
    pub name: String,
    /// Its files, by their paths in its folder.
    pub files: Vec<NamedBytes>,
}

/// A checkpoint and the states that another program gave of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Against {
    /// The checkpoint.
    pub model: ModelSource,
    /// The file that `tools/export_states.py` wrote.
    pub states: PathBuf,
}

/// Which device computes, and with which kernels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceSettings {
    /// The adapter's number in [`Event::Adapters`], or part of its name in any case; the fastest one that
    /// passes the self-test if absent. Native only.
    pub adapter: Option<String>,
    /// Kernel variants.
    pub kernel: KernelChoice,
    /// Whether to ask for WebGPU's default limits instead of the adapter's: what every browser grants.
    pub webgpu_limits: bool,
}

/// Which variants of the kernels run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KernelChoice {
    /// What suits the adapter: direct on a software adapter, tiled on a GPU.
    #[default]
    Auto,
    /// Tiles in workgroup memory, with barriers.
    Tiled,
    /// Registers only, without barriers.
    Direct,
}

impl KernelChoice {
    /// All choices, the default first.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Tiled, Self::Direct];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tiled => "tiled",
            Self::Direct => "direct",
        }
    }
}

/// A stage of the work, in the order of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Adapter and device, with the self-test.
    Device,
    /// Checkpoint files are fetched; left out where they are at hand.
    Fetch,
    /// Weights are read and uploaded.
    Load,
    /// Images and texts become pixel values and token ids.
    Prepare,
    /// Forward passes, pair by pair.
    Forward,
    /// States are read from a file, in the place of the stages before.
    States,
    /// The metric, layer by layer.
    Metric,
    /// A question's images and prompt are read.
    Read,
    /// An answer comes, token by token.
    Answer,
}

impl Stage {
    /// All stages of a measurement, in the order of execution.
    pub const ALL: [Self; 6] = [
        Self::Device,
        Self::Fetch,
        Self::Load,
        Self::Prepare,
        Self::Forward,
        Self::Metric,
    ];

    /// The name in messages and reports, for example `forward`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Fetch => "fetch",
            Self::Load => "load",
            Self::Prepare => "prepare",
            Self::Forward => "forward",
            Self::States => "states",
            Self::Metric => "metric",
            Self::Read => "read",
            Self::Answer => "answer",
        }
    }

    /// What is going on, in a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Device => "Looking for a device",
            Self::Fetch => "Fetching the checkpoint",
            Self::Load => "Loading the checkpoint",
            Self::Prepare => "Preparing the pairs",
            Self::Forward => "Running the model",
            Self::States => "Reading the states",
            Self::Metric => "Measuring the layers",
            Self::Read => "Reading the question",
            Self::Answer => "Answering",
        }
    }
}

/// News from the engine.
///
/// Each command ends with exactly one event for which [`Event::is_last`] holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Event {
    /// Work advanced: `done` of `total` in `unit`s.
    Progress {
        /// The stage.
        stage: Stage,
        /// Finished units.
        done: u64,
        /// All units.
        total: u64,
        /// For example `MiB`, `pairs`, `layers`.
        unit: String,
        /// Where exactly, for example `layer 3 of 6`; empty where there is nothing to add.
        #[serde(default)]
        detail: String,
    },
    /// Something a reader should know, also kept in the report.
    Note(String),
    /// What can be explored after the measurement; comes before its report.
    Kept(Kept),
    /// A checkpoint of a study is begun: its name, and how many are done before it, of how many.
    Member {
        /// Its name.
        name: String,
        /// Those before it.
        done: u64,
        /// All.
        total: u64,
    },
    /// A checkpoint of a study is measured.
    MemberReport(Box<StudyReport>),
    /// All checkpoints of a study are measured; each was told before.
    Study,
    /// A shard's states are saved.
    Shard(Box<ShardSummary>),
    /// The measurement is done.
    Report(Box<Report>),
    /// One pair as the model sees it.
    Pair(Box<PairView>),
    /// The tokens at one state.
    Projection(Box<Projection>),
    /// The principal axes of a state.
    Plane(Box<PlaneAxes>),
    /// The words nearest to a token.
    LogitLens(Box<LogitLens>),
    /// The words over an image.
    PatchWords(Box<PatchWords>),
    /// A token on its way.
    Path(Box<TokenPath>),
    /// Where a token looks.
    Attention(Box<AttentionRow>),
    /// The alignment under other assumptions.
    WhatIf(Box<WhatIf>),
    /// The prompt of a question whose answer is watched, as the model sees it; its number is 0.
    Asked(Box<PairView>),
    /// An answer goes on by a token.
    Said(Said),
    /// An answer is complete; its tokens were told before.
    Answer(Box<Answer>),
    /// The first of the demo's pairs.
    DemoPairs(Vec<PairInput>),
    /// The description of a checkpoint is done.
    Inspection(Box<Inspection>),
    /// What would be fetched of a hub's repository.
    Plan(Box<FetchPlan>),
    /// The adapters at hand; empty where there is none.
    Adapters(Vec<DeviceGrant>),
    /// The speed of the adapter is known.
    Bench(Box<BenchReport>),
    /// The record of the adapter's speed is complete.
    Record(Box<BenchRecord>),
    /// What forward passes took, and what came out.
    Passes(Box<PassTimes>),
    /// It is known whether the adapter computes rightly.
    Check(Box<CheckReport>),
    /// It failed: one sentence that says what was expected, what was found and what to do.
    Failed(String),
    /// It was cancelled; nothing was written.
    Cancelled,
}

impl Event {
    /// Whether this is the last event of its command.
    pub fn is_last(&self) -> bool {
        !matches!(
            self,
            Self::Progress { .. }
                | Self::Note(_)
                | Self::Kept(_)
                | Self::Member { .. }
                | Self::MemberReport(_)
                | Self::Asked(_)
                | Self::Said(_)
        )
    }
}
