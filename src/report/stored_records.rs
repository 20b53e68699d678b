//! Records of adapters in a folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, de::DeserializeOwned, de::Error as _};

use super::{ReportError, StoredRecord, bench_record::RECORD_SCHEMA};
use crate::platform::{FileError, native::read_text};

/// Largest record that is read.
const LARGEST: u64 = 64 << 20;

/// The records in a folder, `NAME.json` each; beside it `NAME.torch.json` has PyTorch's and `NAME.peers.json` those
/// of other programs.
///
/// # Errors
/// [`ReportError::File`]; [`ReportError::Parse`] where a file is no record of this layout.
pub fn read_records(folder: &Path) -> Result<Vec<StoredRecord>, ReportError> {
    let unreadable = |source| io_error(folder, source);
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        files.push(entry.map_err(unreadable)?.path());
    }
    files.sort();
    let names = files.iter().filter_map(|file| {
        let name = file.file_name()?.to_str()?.strip_suffix(".json")?;
        (!name.ends_with(".torch") && !name.ends_with(".peers")).then_some(name)
    });
    names
        .map(|name| {
            let file = |ending: &str| folder.join(format!("{name}{ending}"));
            Ok(StoredRecord {
                record: read_json(&file(".json"))?,
                torch: read_there(&file(".torch.json"))?,
                peers: read_there(&file(".peers.json"))?,
            })
        })
        .collect()
}

/// What is in a file, where it is there.
fn read_there<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, ReportError> {
    match path.is_file() {
        true => read_json(path).map(Some),
        false => Ok(None),
    }
}

fn io_error(path: &Path, source: std::io::Error) -> ReportError {
    FileError::new(
        path.display().to_string(),
        format!("cannot read it: {source}"),
    )
    .into()
}

/// A file whose `schema` is [`RECORD_SCHEMA`].
fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, ReportError> {
    #[derive(Deserialize)]
    struct Head {
        schema: u32,
    }
    let (_, text) = read_text(path, LARGEST)?;
    let parsed = serde_json::from_str(&text).and_then(|head: Head| match head.schema {
        RECORD_SCHEMA => serde_json::from_str(&text),
        found => Err(serde_json::Error::custom(format!(
            "a record with `schema` {RECORD_SCHEMA}, found {found}"
        ))),
    });
    parsed.map_err(|source| ReportError::Parse {
        file: path.display().to_string(),
        place: String::new(),
        source,
    })
}
