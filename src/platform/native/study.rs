//! The study of checkpoints: its results are part of the program, its weights lie beside it.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
};

use super::DEMO_FILES;
#[cfg(feature = "app")]
use crate::platform::Shipped;
use crate::platform::{DemoFile, DemoFileError};

include!(concat!(env!("OUT_DIR"), "/study.rs"));

/// What stands for the folder.
const FOLDER: &str = "assets/study";
/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 4;

/// Results that ship, where the program was built with them. `wake` is called when they are there.
#[cfg(feature = "app")]
pub fn shipped(
    what: Shipped,
    wake: impl FnOnce() + Send + 'static,
) -> crate::platform::Later<Result<Option<String>, crate::platform::FileError>> {
    wake();
    let text = match what {
        Shipped::Study => STUDY_RESULTS,
        Shipped::Papers => PAPERS_RESULTS,
        Shipped::RealParts => REAL_POINTS,
    };
    crate::platform::Later::ready(Ok(text.map(str::to_owned)))
}

/// The study's `results.json`, where the program was built with one.
#[cfg(feature = "cli")]
pub fn stored_study() -> Option<&'static str> {
    STUDY_RESULTS
}

/// Whether the study's checkpoints are at hand.
#[cfg(feature = "app")]
pub fn has_study() -> bool {
    folder().is_some()
}

/// The folder of the study: below the current folder, or below one that the program lies in.
fn folder() -> Option<PathBuf> {
    let here = std::env::current_dir().ok();
    let program = std::env::current_exe().ok();
    let above = program.iter().flat_map(|path| path.ancestors().skip(1));
    let candidates = here.iter().map(PathBuf::as_path).chain(above);
    candidates
        .map(|folder| folder.join(FOLDER))
        .find(|folder| folder.join("variants.json").is_file())
}

/// The files below `assets` whose path is `wanted`, sorted by path: `demo/...`, which are part of the
/// program, and `study/...`, which are read where they lie.
///
/// `progress` is for where files are fetched, which is never the case natively.
///
/// # Errors
/// [`DemoFileError::Fetch`] where a file of the study cannot be read.
pub async fn asset_files(
    wanted: impl Fn(&str) -> bool,
    _progress: impl FnMut(u64, u64),
) -> Result<Vec<DemoFile>, DemoFileError> {
    let demo = DEMO_FILES.iter().map(|&(path, bytes)| DemoFile {
        path: format!("demo/{path}"),
        bytes: Cow::Borrowed(bytes),
    });
    let mut found: Vec<DemoFile> = demo.filter(|file| wanted(&file.path)).collect();
    if let Some(folder) = folder() {
        read_below(&folder, "study", 0, &wanted, &mut found)?;
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read_below(
    folder: &Path,
    name: &str,
    depth: usize,
    wanted: &impl Fn(&str) -> bool,
    found: &mut Vec<DemoFile>,
) -> Result<(), DemoFileError> {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let inner = format!("{name}/{}", entry.file_name().to_string_lossy());
        if path.is_dir() {
            if depth < MAX_DEPTH {
                read_below(&path, &inner, depth + 1, wanted, found)?;
            }
        } else if wanted(&inner) {
            let bytes = fs::read(&path).map_err(|error| DemoFileError::Fetch {
                path: inner.clone(),
                reason: format!("cannot read it: {error}"),
            })?;
            found.push(DemoFile {
                path: inner,
                bytes: Cow::Owned(bytes),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_among_the_assets() {
        let files =
            pollster::block_on(asset_files(|path| path.ends_with("config.json"), |_, _| {}));
        let files = files.unwrap();
        assert!(
            files
                .iter()
                .any(|file| file.path == "demo/model/config.json")
        );
        assert!(files.is_sorted_by_key(|file| file.path.clone()));
    }
}
