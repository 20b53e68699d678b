//! The model on the device, loaded once for as long as the same one is asked for.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::{
    engine::{
        EngineError, ModelSource, Stage, checkpoint, describe, hub,
        news::{MIB, News, Told},
    },
    gpu::Gpu,
    input::Processor,
    model::{Checkpoint, Vlm},
    platform::{FilePlace, PickedFile},
    report::ModelSummary,
    weights::{FolderSource, gguf::is_gguf, shards_outside},
};

/// A checkpoint on the device, with what prepares its input.
pub(in crate::engine) struct Loaded {
    /// Which one it is, where that can be said.
    pub(super) origin: Option<Origin>,
    /// The model.
    pub(in crate::engine) vlm: Vlm,
    /// What makes pixel values and token ids.
    pub(in crate::engine) processor: Processor,
    /// Where the weights lie.
    pub(in crate::engine) checkpoint: Checkpoint,
    /// The model in a report's words.
    pub(in crate::engine) summary: ModelSummary,
}

/// What tells one checkpoint from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Demo(Option<String>),
    Study(String),
    Folder(PathBuf, Vec<Stamp>),
    /// Those on disk have a stamp; those of a page cannot change.
    Picked(Vec<PickedFile>, Vec<Stamp>),
}

/// Name, size and time of the last change of a file on disk.
type Stamp = (PathBuf, u64, Option<SystemTime>);

fn stamp(path: PathBuf) -> Option<Stamp> {
    // Follows links: the files of a hub's cache are links.
    let data = std::fs::metadata(&path).ok()?;
    Some((path, data.len(), data.modified().ok()))
}

impl Origin {
    /// None for a source that would have to be read to be known.
    pub(super) fn of(source: &ModelSource) -> Option<Self> {
        match source {
            ModelSource::Demo { connector } => Some(Self::Demo(connector.clone())),
            ModelSource::Study(folder) => Some(Self::Study(folder.clone())),
            ModelSource::Folder(path) if path.is_file() => {
                // A GGUF file, with its vision part beside it.
                let folder = path.parent().filter(|folder| *folder != Path::new(""));
                let entries = std::fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
                let paths = entries.flatten().map(|entry| entry.path());
                let own = paths.filter(|path| is_gguf(&path.to_string_lossy()));
                let mut stamps = own.map(stamp).collect::<Option<Vec<Stamp>>>()?;
                stamps.sort();
                Some(Self::Folder(path.clone(), stamps))
            }
            ModelSource::Folder(path) => {
                let entries = std::fs::read_dir(path).ok()?;
                let stamps = entries.map(|entry| stamp(entry.ok()?.path()));
                let mut stamps: Vec<Stamp> = stamps.collect::<Option<_>>()?;
                // A shard outside that is missing is told when the checkpoint is opened.
                let source = FolderSource::open(path).ok()?;
                let outside = shards_outside(&source).into_iter();
                stamps.extend(outside.filter_map(|shard| stamp(path.join(shard))));
                stamps.sort();
                Some(Self::Folder(path.clone(), stamps))
            }
            ModelSource::Assembled {
                base,
                tower,
                connector,
            } => {
                let base = hub::folder(base).ok()?;
                let tower = tower.as_ref().map(hub::folder).transpose().ok()?;
                let mut stamps = Vec::new();
                for folder in [Some(base), tower].into_iter().flatten() {
                    for entry in std::fs::read_dir(folder).ok()? {
                        stamps.push(stamp(entry.ok()?.path())?);
                    }
                }
                if let Some(file) = connector {
                    stamps.push(stamp(file.clone())?);
                }
                stamps.sort();
                Some(Self::Folder(base.to_owned(), stamps))
            }
            ModelSource::Picked(files) => {
                let on_disk = files.iter().filter_map(|file| match &file.place {
                    FilePlace::Disk(path) => Some(path.clone()),
                    FilePlace::Page(_) => None,
                });
                let stamps = on_disk.map(stamp).collect::<Option<_>>()?;
                Some(Self::Picked(files.clone(), stamps))
            }
            // What is to be fetched has become a folder before.
            ModelSource::Files(_) | ModelSource::Hub(_) => None,
        }
    }
}

/// Fetches the checkpoint where it is not at hand, opens it and uploads it.
pub(super) async fn load(
    gpu: &Gpu,
    source: ModelSource,
    origin: Option<Origin>,
    sees: bool,
    news: &mut News<'_>,
) -> Result<Loaded, EngineError> {
    let opened = checkpoint::open(source, news).await?;
    // How much there is to load is known with the first of it.
    news.begin(Stage::Load, 1, MIB)?;
    let checkpoint = opened.checkpoint;
    if sees {
        checkpoint.spec.vision()?;
    }
    let processor = Processor::of_any(checkpoint.source().as_ref(), &checkpoint.spec)?;
    let cancel = news.cancel;
    let mut uploaded = Told::default();
    let vlm = Vlm::load(gpu, &checkpoint, cancel, &mut |done, total| {
        uploaded.tell(news, Stage::Load, done, total, "");
    })
    .await?;
    news.check()?;
    let summary = describe::summary(&checkpoint, &opened.name);
    Ok(Loaded {
        origin,
        vlm,
        processor,
        checkpoint,
        summary,
    })
}
