//! Opening the checkpoint that a command names.

use std::sync::Arc;

use super::{EngineError, ModelSource, demo};
use crate::weights::{
    ByteSource, Checkpoint, FolderSource, MemorySource, PickedSource, WeightsError,
};

/// A checkpoint and what to call it.
pub(super) struct Opened {
    /// The checkpoint.
    pub(super) checkpoint: Checkpoint,
    /// Its name in the report.
    pub(super) name: String,
}

/// Opens a checkpoint; `progress` hears the bytes fetched and to fetch, where there are any.
///
/// # Errors
/// A file is missing or damaged, or the demo has no such connector.
pub(super) async fn open(
    source: ModelSource,
    progress: impl FnMut(u64, u64),
) -> Result<Opened, EngineError> {
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
        ModelSource::Folder(path) => {
            let source = FolderSource::open(&path).map_err(WeightsError::from)?;
            // `.` and `..` have no name of their own.
            let full = std::fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
            let name = full.file_name().map_or_else(
                || path.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            );
            Ok(Opened {
                checkpoint: Checkpoint::open(Arc::new(source))?,
                name,
            })
        }
        ModelSource::Files(files) => {
            let mut source = MemorySource::new("the files handed over");
            for file in files {
                // A page may name files with the folder they were dropped in.
                let name = file.name.rsplit('/').next().unwrap_or_default().to_owned();
                source.insert(name, file.bytes);
            }
            Ok(Opened {
                checkpoint: Checkpoint::open(Arc::new(source))?,
                name: "files of the user".to_owned(),
            })
        }
        ModelSource::Picked(files) => {
            let source = PickedSource::new(files).map_err(WeightsError::from)?;
            let name = source.name();
            Ok(Opened {
                checkpoint: Checkpoint::open(Arc::new(source))?,
                name,
            })
        }
    }
}
