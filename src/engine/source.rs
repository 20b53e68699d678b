//! Where a checkpoint and the image-text pairs come from.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::PairLine;
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

/// One image with its text, or a document or conversation of several turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PairInput {
    /// The turns, one at least.
    pub turns: Vec<PairTurn>,
}

/// What the user shows and asks, and what the assistant says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PairTurn {
    /// Images, all before the question; later turns of a conversation may show none.
    pub images: Vec<ImageInput>,
    /// What the user asks; may be empty.
    #[serde(default)]
    pub question: String,
    /// The text, as the assistant would say it.
    pub text: String,
}

impl PairInput {
    /// One image with its text.
    pub fn new(image: ImageInput, text: impl Into<String>) -> Self {
        Self {
            turns: vec![PairTurn {
                images: vec![image],
                question: String::new(),
                text: text.into(),
            }],
        }
    }

    /// A document: images, each with the text after it. None where there is none.
    pub fn document(turns: impl IntoIterator<Item = (ImageInput, String)>) -> Option<Self> {
        let turns = turns.into_iter().map(|(image, text)| PairTurn {
            images: vec![image],
            question: String::new(),
            text,
        });
        let turns: Vec<PairTurn> = turns.collect();
        (!turns.is_empty()).then_some(Self { turns })
    }

    /// A line of a list, with the images that `find` and `folder` give; see [`super::Shown::found`].
    ///
    /// # Errors
    /// Those of `find`.
    pub fn listed<E>(
        line: PairLine,
        mut find: impl FnMut(&str) -> Result<ImageInput, E>,
        folder: impl Fn(&str) -> Option<Vec<ImageInput>>,
    ) -> Result<Self, E> {
        let mut turns = Vec::with_capacity(line.turns.len());
        for turn in line.turns {
            let mut images = Vec::new();
            for shown in &turn.shown {
                images.extend(shown.found(&mut find, &folder)?);
            }
            turns.push(PairTurn {
                images,
                question: turn.question,
                text: turn.text,
            });
        }
        Ok(Self { turns })
    }

    /// The images, in order.
    pub fn images(&self) -> impl Iterator<Item = &ImageInput> {
        self.turns.iter().flat_map(|turn| &turn.images)
    }

    /// The texts, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.turns.iter().map(|turn| turn.text.as_str())
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
    /// So many frames of an animation, evenly from the first to the last one, each shown as an image; all of one
    /// that has fewer.
    Sampled(Box<ImageInput>, usize),
}

impl ImageInput {
    /// The image itself; of a video its frames.
    pub fn files(&self) -> &[ImageInput] {
        match self {
            Self::Frames(frames) => frames,
            Self::Sampled(file, _) => std::slice::from_ref(file),
            image => std::slice::from_ref(image),
        }
    }

    /// The name by which messages call the image.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Bytes(file) => file.name.clone(),
            Self::Picked(file) => file.path.clone(),
            Self::Sampled(file, _) => file.name(),
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
