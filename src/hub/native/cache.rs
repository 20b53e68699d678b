//! The hub's cache on disk, in the layout of the hub's own tools:
//! `models--OWNER--NAME/{blobs,refs,snapshots}`. A blob is named by its hash and is there once it was
//! compared; a snapshot is a folder of links to blobs.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::wait::pause;
use crate::{
    hub::{FileHash, HubError, PlannedFile, Refusal, RepoFile, RepoId, id::is_commit},
    platform::Cancel,
};

/// Most files and the deepest folder of a snapshot that are looked at.
const MOST_FILES: usize = 10_000;
const DEEPEST: usize = 4;

/// A repository in the cache.
pub(super) struct Shelf {
    root: PathBuf,
    folder_name: String,
    repo: CacheRepo,
    revision: String,
}

impl Shelf {
    pub(super) fn new(cache: &Cache, id: &RepoId) -> Self {
        let revision = id.revision().to_owned();
        let repo = Repo::with_revision(id.repository(), RepoType::Model, revision.clone());
        Self {
            root: cache.path().clone(),
            folder_name: repo.folder_name(),
            repo: cache.repo(repo),
            revision,
        }
    }

    /// The repository's folder.
    pub(super) fn folder(&self) -> PathBuf {
        self.root.join(&self.folder_name)
    }

    /// The folder of the files at a commit.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.repo.pointer_path(commit)
    }

    /// Where the content of this hash lies once it is complete.
    pub(super) fn blob(&self, hash: &FileHash) -> PathBuf {
        self.folder().join("blobs").join(hash.digits())
    }

    /// Where it is collected before.
    pub(super) fn incomplete(&self, hash: &FileHash) -> PathBuf {
        let mut path = self.blob(hash).into_os_string();
        path.push(".incomplete");
        path.into()
    }

    /// Whether a file's content is there, complete.
    pub(super) fn has(&self, file: &RepoFile) -> bool {
        size(&self.blob(&file.hash)) == Some(file.size)
    }

    /// Where a file's content lies that is there, complete.
    pub(super) fn content(&self, commit: &str, file: &RepoFile) -> Option<PathBuf> {
        if self.has(file) {
            return Some(self.blob(&file.hash));
        }
        let linked = self.is_linked(commit, file);
        linked.then(|| self.snapshot(commit).join(&file.path))
    }

    /// Bytes of a file that are there.
    pub(super) fn here(&self, commit: &str, file: &RepoFile) -> u64 {
        if self.has(file) || self.is_linked(commit, file) {
            return file.size;
        }
        let begun = size(&self.incomplete(&file.hash)).unwrap_or(0);
        // All of it counts once it was compared.
        begun.min(file.size.saturating_sub(1))
    }

    /// Whether the snapshot has a file of the right length in a file's place.
    pub(super) fn is_linked(&self, commit: &str, file: &RepoFile) -> bool {
        size(&self.snapshot(commit).join(&file.path)) == Some(file.size)
    }

    /// Keeps others from fetching the same content. The system gives it up with the program, however
    /// that ends.
    pub(super) fn lock(&self, hash: &FileHash, cancel: &Cancel) -> Result<File, Refusal> {
        let folder = self.root.join(".locks").join(&self.folder_name);
        let path = folder.join(format!("{}.lock", hash.digits()));
        let failed = |error: io::Error| of_disk(&path, &error);
        fs::create_dir_all(&folder).map_err(failed)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begin.elapsed() > Duration::from_secs(20) => {
                    return Err(Refusal::Busy);
                }
                Err(TryLockError::WouldBlock) => pause(cancel, Duration::from_millis(200))?,
                // File systems without locks are used by one program at a time.
                Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {
                    return Ok(file);
                }
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Links a file of a snapshot to its content, in one step.
    pub(super) fn link(&self, commit: &str, file: &RepoFile) -> Result<(), Refusal> {
        let (pointer, blob) = (
            self.snapshot(commit).join(&file.path),
            self.blob(&file.hash),
        );
        let failed = |error: io::Error| of_disk(&pointer, &error);
        if self.is_linked(commit, file) && !self.has(file) {
            // A copy, as systems without links have it.
            return Ok(());
        }
        let up = 2 + file.path.matches('/').count();
        let target: PathBuf = std::iter::repeat_n("..", up)
            .chain(["blobs", file.hash.digits()])
            .collect();
        if fs::read_link(&pointer).is_ok_and(|found| found == target) {
            return Ok(());
        }
        if let Some(folder) = pointer.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let beside = beside(&pointer);
        fs::remove_file(&beside).ok();
        symlink(&target, &beside)
            .or_else(|_| fs::hard_link(&blob, &beside))
            .or_else(|_| fs::copy(&blob, &beside).map(drop))
            .and_then(|()| fs::rename(&beside, &pointer))
            .map_err(failed)
    }

    /// Keeps which commit the revision stands for.
    pub(super) fn keep_ref(&self, commit: &str) -> Result<(), Refusal> {
        if is_commit(&self.revision) {
            return Ok(());
        }
        let path = self.ref_path();
        let failed = |error: io::Error| of_disk(&path, &error);
        if fs::read_to_string(&path).is_ok_and(|found| found == commit) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        // In one step: a half-written one would be taken for a commit.
        let beside = beside(&path);
        File::create(&beside)
            .and_then(|mut file| file.write_all(commit.as_bytes()))
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(failed)
    }

    fn ref_path(&self) -> PathBuf {
        self.folder().join("refs").join(&self.revision)
    }

    /// The commit and the files that are there, without asking anybody.
    pub(super) fn stored(&self, id: &RepoId) -> Result<(String, Vec<RepoFile>), HubError> {
        let not_here = |found| {
            let place = self.root.display().to_string();
            HubError::new(id, Refusal::NotHere { place, found })
        };
        let commit = match id.commit() {
            Some(commit) => commit.to_ascii_lowercase(),
            None => {
                let text = fs::read_to_string(self.ref_path())
                    .map_err(|_| not_here("no such repository or revision"))?;
                let commit = text.trim().to_ascii_lowercase();
                match is_commit(&commit) {
                    true => commit,
                    false => return Err(not_here("no commit that the revision stands for")),
                }
            }
        };
        let mut files = Vec::new();
        walk(&self.snapshot(&commit), "", 1, &mut files);
        match files.is_empty() {
            true => Err(not_here("none of them")),
            false => Ok((commit, files)),
        }
    }

    /// Fails where the disk has too little room for what is to come.
    pub(super) fn check_room(&self, files: &[PlannedFile]) -> Result<(), Refusal> {
        let missing = files
            .iter()
            .map(|file| file.file.size - file.here.min(file.file.size));
        let needed = missing.fold(0, u64::saturating_add);
        let mut place = self.folder();
        while !place.exists() {
            if !place.pop() {
                return Ok(());
            }
        }
        // A system that does not say is found out about while writing.
        match fs4::available_space(&place) {
            Ok(free) if free < needed => Err(Refusal::NoRoom {
                place: self.root.display().to_string(),
                needed,
                free,
            }),
            _ => Ok(()),
        }
    }
}

/// The files below a folder of a snapshot whose content is there.
fn walk(folder: &Path, below: &str, depth: usize, files: &mut Vec<RepoFile>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if files.len() >= MOST_FILES {
            return;
        }
        let path = entry.path();
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let below = match below {
            "" => name,
            below => format!("{below}/{name}"),
        };
        if path.is_dir() {
            if depth < DEEPEST {
                walk(&path, &below, depth + 1, files);
            }
        } else if let Some(size) = size(&path) {
            let target = fs::read_link(&path).ok();
            let digits = target.and_then(|target| Some(target.file_name()?.to_str()?.to_owned()));
            let digits = digits.unwrap_or_default();
            let hash = match digits.len() {
                40 => FileHash::GitBlob(digits),
                _ => FileHash::Sha256(digits),
            };
            files.push(RepoFile {
                path: below,
                size,
                hash,
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
}

/// Size of a file, links followed.
fn size(path: &Path) -> Option<u64> {
    let data = fs::metadata(path).ok()?;
    data.is_file().then_some(data.len())
}

/// A name beside a file, of this program alone.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

/// What went wrong with a file of the cache.
pub(super) fn of_disk(path: &Path, error: &io::Error) -> Refusal {
    let place = path.display().to_string();
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Refusal::DiskFull { place },
        _ => Refusal::Cache {
            place,
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_room_is_told_before_and_while_files_come() {
        let folder = tempfile::tempdir().unwrap();
        let id: RepoId = "a/b".parse().unwrap();
        let shelf = Shelf::new(&Cache::new(folder.path().join("hub")), &id);
        let file = |size, here| PlannedFile {
            file: RepoFile {
                path: "model.safetensors".into(),
                size,
                hash: FileHash::Sha256("0".repeat(64)),
            },
            here,
            lender: None,
        };
        let refusal = shelf.check_room(&[file(1 << 60, 1)]).unwrap_err();
        let sentence = refusal.to_string();
        assert!(
            sentence.contains("1,099,511,627,776 MiB are needed in"),
            "{sentence}"
        );
        assert!(shelf.check_room(&[file(1 << 60, 1 << 60)]).is_ok());
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let refusal = of_disk(Path::new("blob"), &kind.into());
            assert!(matches!(refusal, Refusal::DiskFull { .. }), "{refusal}");
        }
    }
}
