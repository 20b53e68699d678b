//! Opening the checkpoint that a command names.

use std::{path::Path, sync::Arc};

use super::{
    EngineError, ModelSource, NamedBytes, Place, Stage, demo,
    hub::{self, Described},
    news::{News, Told},
    study_files,
};
use crate::{
    hub::cached_name,
    model::{Assembly, Checkpoint},
    weights::{
        ByteSource, FolderSource, MemorySource, PickedSource, WeightsError,
        gguf::{GgufSource, is_gguf},
    },
};

/// A checkpoint and what to call it.
#[derive(Debug)]
pub(super) struct Opened {
    /// The checkpoint.
    pub(super) checkpoint: Checkpoint,
    /// Its name in the report.
    pub(super) name: String,
}

/// Opens a checkpoint, which is fetched where it is not at hand.
///
/// # Errors
/// A file is missing or damaged or cannot be fetched, or the demo has no such connector.
pub(super) async fn open(source: ModelSource, news: &mut News<'_>) -> Result<Opened, EngineError> {
    let source = hub::local(source, news).await?;
    let mut fetched = Told::default();
    let progress = |done, total| fetched.tell(news, Stage::Fetch, done, total, "");
    match source {
        ModelSource::Demo { connector } => {
            let model = demo::model(connector.as_deref(), progress).await?;
            let checkpoint = Checkpoint::open(Arc::new(model.source))?;
            let checkpoint = match model.connector {
                Some((source, file)) => checkpoint.with_overrides(Arc::new(source), &file)?,
                None => checkpoint,
            };
            Ok(Opened {
                checkpoint,
                name: model.name,
            })
        }
        ModelSource::Study(folder) => {
            let source = study_files::checkpoint(&folder, progress).await?;
            Ok(Opened {
                checkpoint: Checkpoint::open(Arc::new(source))?,
                name: folder,
            })
        }
        ModelSource::Hub(model) => Err(hub::not_fetched(&model)),
        ModelSource::Folder(path) => Ok(Opened {
            checkpoint: Checkpoint::open(at(&path)?)?,
            name: name_of(&path),
        }),
        ModelSource::Assembled {
            base,
            tower,
            connector,
        } => {
            let base = hub::folder(&base)?;
            let tower = tower.as_ref().map(hub::folder).transpose()?;
            let name = name_of(connector.as_deref().unwrap_or(base));
            let tower = tower.map(at).transpose()?;
            let checkpoint = assembled(at(base)?, tower, connector.as_deref())?;
            Ok(Opened { checkpoint, name })
        }
        ModelSource::Files(files) => {
            let source = handed_over(files);
            Ok(Opened {
                checkpoint: Checkpoint::open(Arc::new(source))?,
                name: "files of the user".to_owned(),
            })
        }
        ModelSource::Picked(files) => {
            let source = PickedSource::new(files)?;
            let (folder, name) = (source.folder().to_owned(), source.name());
            let checkpoint = Checkpoint::open(Arc::new(source))?;
            // Files of a hub lie as in its cache.
            let gguf = checkpoint.source().packed();
            let gguf = gguf.map(|packed| packed.model_file.as_str());
            let name = cached_name(Path::new(&folder), gguf).unwrap_or(name);
            Ok(Opened { checkpoint, name })
        }
    }
}

/// Opens a checkpoint to describe it: of what lies on a hub, weights are not fetched. With notes about that.
///
/// # Errors
/// As [`open`].
pub(super) async fn open_described(
    source: ModelSource,
    news: &mut News<'_>,
) -> Result<(Opened, Vec<String>), EngineError> {
    match source {
        ModelSource::Hub(model) => match hub::described(&model, news).await? {
            Some(described) => {
                let checkpoint = Checkpoint::open(described.source.clone());
                // A wish to stop ends a request, and the checkpoint with it.
                news.check()?;
                let (checkpoint, name) = (checkpoint?, described.name.clone());
                let notes = described.note().into_iter().collect();
                Ok((Opened { checkpoint, name }, notes))
            }
            None => Ok((open(ModelSource::Hub(model), news).await?, Vec::new())),
        },
        ModelSource::Assembled {
            base,
            tower,
            connector,
        } => {
            let base = described(base, news).await?;
            let tower = match tower {
                Some(tower) => Some(described(tower, news).await?),
                None => None,
            };
            let seen = tower.as_ref().map(|tower| tower.source.clone());
            let checkpoint = assembled(base.source.clone(), seen, connector.as_deref());
            news.check()?;
            let checkpoint = checkpoint?;
            let notes = [Some(&base), tower.as_ref()].into_iter().flatten();
            let notes = notes.filter_map(Described::note).collect();
            let name = connector.as_deref().map_or(base.name, name_of);
            Ok((Opened { checkpoint, name }, notes))
        }
        other => Ok((open(other, news).await?, Vec::new())),
    }
}

/// A place's files, of which those on a hub are not fetched.
async fn described(place: Place, news: &mut News<'_>) -> Result<Described, EngineError> {
    if let Place::Hub(model) = &place
        && let Some(described) = hub::described(model, news).await?
    {
        return Ok(described);
    }
    let place = hub::at_hand(place, news).await?;
    let path = hub::folder(&place)?;
    Ok(Described::at_hand(at(path)?, name_of(path)))
}

/// The checkpoint folder at `path`, or the one that a GGUF file there stands for.
fn at(path: &Path) -> Result<Arc<dyn ByteSource>, WeightsError> {
    let Some((folder, file)) = gguf_file(path) else {
        return Ok(Arc::new(FolderSource::open(path)?));
    };
    let folder = FolderSource::open(folder)?;
    Ok(Arc::new(GgufSource::open(Arc::new(folder), &file)?))
}

/// Folder and name of a GGUF file.
fn gguf_file(path: &Path) -> Option<(&Path, String)> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    (is_gguf(&name) && path.is_file()).then(|| (folder.unwrap_or(Path::new(".")), name))
}

/// The last part of a path; of a snapshot in a hub's cache the repository with its commit.
fn name_of(path: &Path) -> String {
    let (folder, file) = match gguf_file(path) {
        Some((folder, file)) => (folder, Some(file)),
        None => (path, None),
    };
    if let Some(name) = cached_name(folder, file.as_deref()) {
        return name;
    }
    // `.` and `..` have no name of their own.
    let full = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    full.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The checkpoint in `base` with another connector, or with a tower and maybe a connector from elsewhere.
fn assembled(
    base: Arc<dyn ByteSource>,
    tower: Option<Arc<dyn ByteSource>>,
    connector: Option<&Path>,
) -> Result<Checkpoint, EngineError> {
    let connector = match connector {
        None => None,
        Some(file) => {
            let folder = file.parent().filter(|folder| *folder != Path::new(""));
            let folder = at(folder.unwrap_or(Path::new(".")))?;
            Some((
                folder,
                file.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
            ))
        }
    };
    let checkpoint = match (tower, connector) {
        (Some(tower), connector) => Checkpoint::assemble(Assembly {
            base,
            tower,
            connector,
        })?,
        (None, Some((folder, file))) => Checkpoint::open(base)?.with_overrides(folder, &file)?,
        (None, None) => Checkpoint::open(base)?,
    };
    Ok(checkpoint)
}

/// The files of a checkpoint in memory. They may be named with their folders: the checkpoint is then
/// the first folder with `config.json`, and its index may take shards from the others.
fn handed_over(files: Vec<NamedBytes>) -> MemorySource {
    const CONFIG: &str = "config.json";
    let folder = files.iter().find_map(|file| {
        let (folder, name) = file.name.rsplit_once('/').unwrap_or(("", &file.name));
        (name == CONFIG).then(|| folder.to_owned())
    });
    let mut source = MemorySource::new("the files handed over");
    for file in files {
        source.insert(file.name, file.bytes);
    }
    source.in_folder(folder.unwrap_or_default())
}
