//! A repository's files where they are, read as a whole or by range, and none of it kept. It is long because every
//! answer is checked to be of the same file, and tried again where it breaks off.

use std::{
    collections::BTreeMap,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    answer::{Head, Piece, ask, check_head},
    request::{Part, Requester},
    wait::{PROGRESS, Pace, Patience, next},
};
use crate::{
    hub::{
        BEGINNING, FileHasher, HubError, Refusal, RepoFile, RepoId, check_content, resolve_path,
    },
    platform::{Cancel, PickedFile, native::read_range},
    weights::{ByteSource, SourceError},
};

/// Longest file that is read as a whole, unless it holds weights.
const LONGEST_WHOLE: u64 = 64 << 20;
/// Fewest bytes of a file of weights that are asked for at once: most headers are shorter.
const AHEAD: u64 = 64 << 10;
/// Most bytes of weights that are read at once, and of all files together: what needs more needs the weights.
const MOST_AT_ONCE: u64 = 128 << 20;
const MOST: u64 = 512 << 20;

/// A repository's files, read where they are. Whoever reads blocks.
pub struct RemoteSource {
    name: String,
    files: BTreeMap<String, RemoteFile>,
    requester: Requester,
    stall: Duration,
    cancel: Cancel,
    read: Mutex<Read>,
}

/// Where a file of a [`RemoteSource`] is.
pub(super) struct RemoteFile {
    pub(super) id: RepoId,
    pub(super) commit: String,
    pub(super) file: RepoFile,
    /// In the cache, complete.
    pub(super) here: Option<PickedFile>,
}

impl RemoteFile {
    /// Whether it holds weights, of which only headers are read.
    fn is_weights(&self) -> bool {
        let endings = [".safetensors", ".bin", ".pt", ".pth", ".gguf"];
        let path = self.file.path.to_lowercase();
        self.file.size > LONGEST_WHOLE || endings.iter().any(|ending| path.ends_with(ending))
    }
}

/// What has been read.
#[derive(Default)]
struct Read {
    /// Whole files.
    whole: BTreeMap<String, Arc<Vec<u8>>>,
    /// Of a file of weights the part that was read last, from this byte on.
    part: BTreeMap<String, (u64, Arc<Vec<u8>>)>,
    /// What whoever has the bytes calls a file's state.
    etags: BTreeMap<String, String>,
    /// Bytes that came.
    came: u64,
}

impl std::fmt::Debug for RemoteSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteSource")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl RemoteSource {
    pub(super) fn new(
        name: String,
        files: BTreeMap<String, RemoteFile>,
        (requester, stall): (Requester, Duration),
        cancel: &Cancel,
    ) -> Self {
        Self {
            name,
            files,
            requester,
            stall,
            cancel: cancel.clone(),
            read: Mutex::default(),
        }
    }

    /// Reads the files that describe the model; `progress` hears how many bytes of how many are there.
    ///
    /// # Errors
    /// One of them cannot be had.
    pub fn read_descriptions(
        &self,
        progress: &mut dyn FnMut(u64, u64, &str),
    ) -> Result<(), HubError> {
        let described = || {
            let files = self.files.iter();
            files.filter(|(_, file)| !file.is_weights() && file.here.is_none())
        };
        let total = described().map(|(_, file)| file.file.size).sum();
        let mut done = 0;
        for (path, file) in described() {
            progress(done, total, path);
            let read = self.whole(path, file);
            read.map_err(|refusal| HubError::of(&file.id, &file.file.path, refusal))?;
            done += file.file.size;
        }
        Ok(())
    }

    /// One of the files that describe the model.
    ///
    /// # Errors
    /// It cannot be had.
    pub(super) fn described(&self, path: &str) -> Result<Vec<u8>, HubError> {
        let Some(file) = self.file(path) else {
            return Ok(Vec::new());
        };
        let read = match &file.here {
            Some(here) => read_range(here, 0..file.file.size).map_err(|error| Refusal::Cache {
                place: error.file,
                reason: error.reason,
            }),
            None => self.whole(path, file).map(|bytes| bytes.to_vec()),
        };
        read.map_err(|refusal| HubError::of(&file.id, &file.file.path, refusal))
    }

    /// Bytes that came over the network, and those of all files that are not at hand.
    pub fn came(&self) -> (u64, u64) {
        let missing = self.files.values().filter(|file| file.here.is_none());
        let sizes = missing.map(|file| file.file.size);
        (self.state(|read| read.came), sizes.sum())
    }

    fn state<T>(&self, with: impl FnOnce(&mut Read) -> T) -> T {
        // What a panicking thread left is whole: entries are made in one step.
        with(&mut self.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A whole file, compared with its hash.
    fn whole(&self, path: &str, file: &RemoteFile) -> Result<Arc<Vec<u8>>, Refusal> {
        if let Some(bytes) = self.state(|read| read.whole.get(path).cloned()) {
            return Ok(bytes);
        }
        let (size, expected) = (file.file.size, &file.file.hash);
        let mut bytes = Vec::new();
        for last in [false, true] {
            bytes = self.bytes(path, file, 0..size)?;
            let mut hasher = FileHasher::new(expected, size);
            hasher.update(&bytes);
            let found = hasher.finish();
            if found == *expected {
                break;
            }
            if last {
                return Err(Refusal::Hash {
                    kind: expected.kind(),
                    expected: expected.digits().to_owned(),
                    found: found.digits().to_owned(),
                });
            }
        }
        if size > 0 {
            check_content(size, &bytes)?;
        }
        let bytes = Arc::new(bytes);
        self.state(|read| read.whole.insert(path.to_owned(), bytes.clone()));
        Ok(bytes)
    }

    /// A part of a file of weights that holds `range`, and where it begins.
    fn part(
        &self,
        path: &str,
        file: &RemoteFile,
        range: &Range<u64>,
    ) -> Result<(u64, Arc<Vec<u8>>), Refusal> {
        let known = self.state(|read| read.part.get(path).cloned());
        if let Some((begin, bytes)) = known
            && begin <= range.start
            && range.end <= begin + bytes.len() as u64
        {
            return Ok((begin, bytes));
        }
        let end = range.end.max((range.start + AHEAD).min(file.file.size));
        let came = self.state(|read| read.came);
        if end - range.start > MOST_AT_ONCE || came + (end - range.start) > MOST {
            return Err(Refusal::NeedsWeights);
        }
        let bytes = self.bytes(path, file, range.start..end)?;
        if range.start == 0 {
            check_content(file.file.size, &bytes)?;
        }
        let part = (range.start, Arc::new(bytes));
        self.state(|read| read.part.insert(path.to_owned(), part.clone()));
        Ok(part)
    }

    /// Bytes of a file, over as many connections as break.
    fn bytes(&self, path: &str, file: &RemoteFile, range: Range<u64>) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        let mut patience = Patience::new(self.stall);
        let mut best = 0;
        while (bytes.len() as u64) < range.end - range.start {
            let Err(refusal) = self.once(path, file, &range, &mut bytes) else {
                break;
            };
            let len = bytes.len() as u64;
            if len >= best + PROGRESS {
                patience.renew();
                best = len;
            }
            patience.after(refusal, &self.cancel)?;
        }
        self.state(|read| read.came += bytes.len() as u64);
        Ok(bytes)
    }

    /// One request for what `bytes` lack of a range.
    fn once(
        &self,
        path: &str,
        file: &RemoteFile,
        range: &Range<u64>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let first = range.start + bytes.len() as u64;
        let is_whole = *range == (0..file.file.size) && !file.is_weights();
        let from = Part {
            first,
            last: (!is_whole || first > 0).then(|| range.end - 1),
            etag: None,
        };
        let address = resolve_path(&file.id, &file.commit, &file.file.path);
        let pieces = ask(&self.requester, address, from.clone(), self.stall)?;
        let timed_out = |host: &str| Refusal::TimedOut {
            host: host.to_owned(),
            seconds: self.stall.as_secs(),
        };
        let broken = |found: usize| Refusal::Broken {
            expected: range.end - range.start,
            found: found as u64,
        };
        let mut head: Option<Box<Head>> = None;
        // Of an answer that is all of the file instead of the part: what tells what it is.
        let mut beginning = Vec::new();
        let mut pace = Pace::new(self.stall);
        loop {
            let until = Some(Instant::now() + self.stall * 2);
            match next(&self.cancel, &pieces, until)? {
                Some(Piece::Begin(begun)) => {
                    self.check(path, file, &begun, &from)?;
                    pace = Pace::new(self.stall);
                    head = Some(begun);
                }
                Some(Piece::Bytes(more)) => {
                    let Some(head) = &head else { continue };
                    if from.last.is_some() && head.status != 206 {
                        beginning.extend(more);
                        continue;
                    }
                    let len = more.len() as u64;
                    if range.start + bytes.len() as u64 + len > range.end {
                        let refusal = match from.last {
                            Some(_) => Refusal::Range { expected: first },
                            None => too_long(file, bytes, &more),
                        };
                        // Nothing counts of an answer to another question.
                        bytes.truncate((first - range.start) as usize);
                        return Err(refusal);
                    }
                    bytes.extend(more);
                    let is_complete = range.start + bytes.len() as u64 == range.end;
                    if !is_complete && pace.is_too_slow(len) {
                        return Err(timed_out(&head.host));
                    }
                }
                Some(Piece::Failed(Refusal::Status { status: 416 })) => {
                    return Err(Refusal::Changed);
                }
                Some(Piece::Failed(Refusal::NoNetwork { .. })) if !bytes.is_empty() => {
                    return Err(broken(bytes.len()));
                }
                Some(Piece::Failed(refusal)) => return Err(refusal),
                None => {
                    let Some(head) = &head else {
                        return Err(timed_out("the hub"));
                    };
                    if from.last.is_some() && head.status != 206 {
                        let len = head.length.unwrap_or(beginning.len() as u64);
                        check_content(len, &beginning)?;
                        return Err(Refusal::NoRanges);
                    }
                    return match range.start + bytes.len() as u64 == range.end {
                        true => Ok(()),
                        false => Err(broken(bytes.len())),
                    };
                }
            }
        }
    }

    /// Whether an answer is of the same file as those before it, and of the part that was asked for.
    fn check(
        &self,
        path: &str,
        file: &RemoteFile,
        head: &Head,
        from: &Part,
    ) -> Result<(), Refusal> {
        check_head(head, &file.commit, &file.file.hash)?;
        let length = |found| Refusal::Length {
            expected: file.file.size,
            found,
        };
        if head.status == 206 {
            match head.range {
                Some((_, Some(found))) if found != file.file.size => return Err(length(found)),
                Some((first, _)) if first == from.first => {}
                _ => {
                    return Err(Refusal::Range {
                        expected: from.first,
                    });
                }
            }
        } else if from.last.is_some() {
            // Not of the file, as it may be a page about it.
            return Ok(());
        }
        let Some(etag) = &head.etag else {
            return Ok(());
        };
        let known = self.state(|read| {
            let known = read.etags.entry(path.to_owned());
            known.or_insert_with(|| etag.clone()) == etag
        });
        match known {
            true => Ok(()),
            false => Err(Refusal::Changed),
        }
    }

    fn file(&self, path: &str) -> Option<&RemoteFile> {
        self.files.get(path)
    }
}

/// More comes than the file has.
fn too_long(file: &RemoteFile, bytes: &[u8], more: &[u8]) -> Refusal {
    let start = bytes.iter().chain(more).copied();
    let beginning: Vec<u8> = start.take(BEGINNING).collect();
    let found = (bytes.len() + more.len()) as u64;
    match check_content(found, &beginning) {
        Err(refusal) => refusal,
        Ok(()) => Refusal::Length {
            expected: file.file.size,
            found,
        },
    }
}

impl ByteSource for RemoteSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn list(&self) -> Result<Vec<String>, SourceError> {
        let here = self.files.keys().filter(|path| !path.contains('/'));
        Ok(here.cloned().collect())
    }

    fn len(&self, file: &str) -> Result<Option<u64>, SourceError> {
        Ok(self.file(file).map(|file| file.file.size))
    }

    fn read_range(&self, path: &str, range: Range<u64>) -> Result<Vec<u8>, SourceError> {
        let of_range = |begin: u64, bytes: &[u8]| {
            let start = usize::try_from(range.start.checked_sub(begin)?).ok()?;
            let end = usize::try_from(range.end.checked_sub(begin)?).ok()?;
            bytes.get(start..end).map(<[u8]>::to_vec)
        };
        let no_file = || {
            SourceError::new(
                path,
                format!("expected in {}, found no such file", self.name),
            )
        };
        let file = self.file(path).ok_or_else(no_file)?;
        let size = file.file.size;
        let too_short = || {
            let (start, end) = (range.start, range.end);
            SourceError::new(
                path,
                format!("expected bytes {start}..{end}, found only {size}"),
            )
        };
        if range.end > size || range.start > range.end {
            return Err(too_short());
        }
        if let Some(here) = &file.here {
            return read_range(here, range)
                .map_err(|error| SourceError::new(error.file, error.reason));
        }
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let read = match file.is_weights() {
            true => self.part(path, file, &range),
            false => self.whole(path, file).map(|bytes| (0, bytes)),
        };
        let (begin, bytes) = read.map_err(|refusal| {
            SourceError::new(
                format!("{}: {}", file.id, file.file.path),
                refusal.to_string(),
            )
        })?;
        of_range(begin, &bytes).ok_or_else(too_short)
    }
}
