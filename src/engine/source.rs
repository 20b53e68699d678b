//! Where a checkpoint and the image-text pairs come from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use crate::hub::{FetchPlan, FileHash, IdError, PlannedFile, RepoFile, RepoId};
use crate::{platform::PickedFile, words::plural};

/// Where a checkpoint's files come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ModelSource {
    /// The demo checkpoint, with its connector as trained or as of an earlier step.
    Demo {
        /// Name in the demo's connector index, `None` for the trained one.
        connector: Option<String>,
    },
    /// A checkpoint of the shipped study, by its folder below `assets/study`.
    Study(String),
    /// A Hugging Face folder, or a GGUF file, on disk (native only).
    Folder(PathBuf),
    /// A repository of a model hub, fetched where it is not at hand.
    Hub(HubModel),
    /// A checkpoint put together of parts on disk or of a hub (native only).
    Assembled {
        /// A language model alone, or a checkpoint in LLaVA's original layout.
        base: Place,
        /// Its vision tower, where it lies in a folder or a repository of its own.
        tower: Option<Place>,
        /// A file that holds the connector.
        connector: Option<PathBuf>,
    },
    /// The files of a Hugging Face folder, by name or by path: the first `config.json` marks the
    /// folder, and what lies beside it may hold shards that its index names.
    Files(Vec<NamedBytes>),
    /// Files that a person chose or dropped, one checkpoint among them; read by range where they lie.
    Picked(Vec<PickedFile>),
}

/// A repository of a model hub.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HubModel {
    /// Which one.
    pub id: RepoId,
    /// Takes what was fetched before, and opens no connection.
    #[serde(default)]
    pub offline: bool,
}

/// Where a folder of files lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// On disk.
    Folder(PathBuf),
    /// On a hub.
    Hub(HubModel),
}

/// Where the image-text pairs come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PairSource {
    /// The demo's held-out pairs.
    Demo,
    /// A list of pairs of the shipped study, by its path below `assets/study`.
    Study(String),
    /// Each image with its own text.
    Pairs {
        /// Where they come from, for the report.
        name: String,
        /// The pairs.
        pairs: Vec<PairInput>,
    },
    /// Images and texts that need not match, joined by the seed.
    Unpaired {
        /// Where they come from, for the report.
        name: String,
        /// Images.
        images: Vec<ImageInput>,
        /// Texts with the name they are known by.
        texts: Vec<(String, String)>,
    },
}

/// One image with its text, or a document of several.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PairInput {
    /// The image.
    pub image: ImageInput,
    /// The text, as the assistant would say it.
    pub text: String,
    /// What follows them in an interleaved document: images, each with the text after it.
    #[serde(default)]
    pub more: Vec<(ImageInput, String)>,
}

impl PairInput {
    /// One image with its text.
    pub fn new(image: ImageInput, text: impl Into<String>) -> Self {
        Self {
            image,
            text: text.into(),
            more: Vec::new(),
        }
    }

    /// A document: images, each with the text after it. None where there is none.
    pub fn document(turns: impl IntoIterator<Item = (ImageInput, String)>) -> Option<Self> {
        let mut turns = turns.into_iter();
        let (image, text) = turns.next()?;
        Some(Self {
            image,
            text,
            more: turns.collect(),
        })
    }

    /// The images, in order.
    pub fn images(&self) -> impl Iterator<Item = &ImageInput> {
        std::iter::once(&self.image).chain(self.more.iter().map(|(image, _)| image))
    }

    /// The texts, in order: each follows its image.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.more.iter().map(|(_, text)| text.as_str()))
    }
}

/// An encoded image: PNG, JPEG, WebP, GIF or BMP.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ImageInput {
    /// A file on disk (native only).
    Path(PathBuf),
    /// The file's bytes.
    Bytes(NamedBytes),
    /// A file that a person chose or dropped.
    Picked(PickedFile),
    /// A video: its frames, each an image.
    Frames(Vec<ImageInput>),
}

impl ImageInput {
    /// The image itself; of a video its frames.
    pub fn files(&self) -> &[ImageInput] {
        match self {
            Self::Frames(frames) => frames,
            image => std::slice::from_ref(image),
        }
    }

    /// The name by which messages call the image.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Bytes(file) => file.name.clone(),
            Self::Picked(file) => file.path.clone(),
            Self::Frames(frames) => {
                let first = frames.first().map(Self::name).unwrap_or_default();
                match frames.len().saturating_sub(1) {
                    0 => first,
                    more => format!("{first} and {more} more {}", plural(more, "frame")),
                }
            }
        }
    }
}

/// A file's name and content.
#[derive(Clone, Serialize, Deserialize)]
pub struct NamedBytes {
    /// Name, for messages and for finding it.
    pub name: String,
    /// Content.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for NamedBytes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "NamedBytes({:?}, {} bytes)",
            self.name,
            self.bytes.len()
        )
    }
}
