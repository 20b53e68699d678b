//! What crosses between the engine and whoever drives it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::report::{Definition, Report, TextMask};

/// An order to the engine. Cancel is not among them: it must overtake, see
/// [`crate::platform::Cancel`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Command {
    /// Measures the alignment of a checkpoint on image-text pairs.
    Measure(Box<MeasureRequest>),
    /// Describes a checkpoint without running it.
    Inspect(ModelSource),
}

/// What to measure, on what, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MeasureRequest {
    /// The checkpoint.
    pub model: ModelSource,
    /// The image-text pairs.
    pub pairs: PairSource,
    /// Everything else.
    pub settings: MeasureSettings,
}

/// Settings of a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MeasureSettings {
    /// At most this many pairs; all if absent.
    pub num_pairs: Option<usize>,
    /// Seed of the selection and of the pairing of images with texts.
    pub seed: u64,
    /// Definition of the distance.
    pub definition: Definition,
    /// Tokens that count as text.
    pub text_mask: TextMask,
    /// Bytes of device memory that the captured states may take; what the adapter allows if absent.
    pub memory_budget: Option<u64>,
}

impl Default for MeasureSettings {
    fn default() -> Self {
        Self {
            num_pairs: None,
            seed: 0,
            definition: Definition::default(),
            text_mask: TextMask::default(),
            memory_budget: None,
        }
    }
}

/// Where a checkpoint's files come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ModelSource {
    /// The demo checkpoint, with its connector as trained or as of an earlier step.
    Demo {
        /// Name in the demo's connector index, `None` for the trained one.
        connector: Option<String>,
    },
    /// A Hugging Face folder on disk (native only).
    Folder(PathBuf),
    /// The files of a Hugging Face folder, by name.
    Files(Vec<NamedBytes>),
}

/// Where the image-text pairs come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PairSource {
    /// The demo's held-out pairs.
    Demo,
    /// Each image with its own text.
    Pairs(Vec<PairInput>),
    /// Images and texts that need not match, joined by the seed.
    Unpaired {
        /// Images.
        images: Vec<ImageInput>,
        /// Texts with the name they are known by.
        texts: Vec<(String, String)>,
    },
}

/// One image with its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PairInput {
    /// The image.
    pub image: ImageInput,
    /// The text, as the assistant would say it.
    pub text: String,
}

/// An encoded image: PNG, JPEG or WebP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ImageInput {
    /// A file on disk (native only).
    Path(PathBuf),
    /// The file's bytes.
    Bytes(NamedBytes),
}

/// A file's name and content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NamedBytes {
    /// Name, for messages and for finding it.
    pub name: String,
    /// Content.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// A stage of a measurement, in the order of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Adapter and device, with the self-test.
    Device,
    /// Checkpoint files are read and uploaded.
    Load,
    /// Images and texts become pixel values and token ids.
    Prepare,
    /// Forward passes, pair by pair.
    Forward,
    /// The metric, layer by layer.
    Metric,
}

/// News from the engine.
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
    },
    /// Something a reader should know, also kept in the report.
    Note(String),
    /// The measurement is done.
    Report(Box<Report>),
    /// The description of a checkpoint is done.
    Inspection(Box<crate::report::Inspection>),
    /// It failed: one sentence that says what was expected, what was found and what to do.
    Failed(String),
    /// It was cancelled; nothing was written.
    Cancelled,
}
